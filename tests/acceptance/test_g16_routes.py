"""G16: routes are visible and honoured; unknown and unserved queues are named."""

from __future__ import annotations

import ast

from tests.support.processes import ROOT
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def test_g16_include_routes_and_schedule_stand_in_the_application_module() -> None:
    source = (ROOT / "app" / "celery_app.py").read_text()
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert {"task_routes", "beat_schedule"} <= names
    assert "include=" in source


def test_g16_a_route_by_full_name_is_honoured() -> None:
    from app.celery_app import task_routes

    assert task_routes["app.tasks.common_tasks.long_running_task"] == {
        "queue": "default",
        "routing_key": "default.tasks",
    }


def test_g16_the_decorators_queue_is_used_and_may_be_overridden(stack: Stack) -> None:
    assert stack.run("in_lane", 1)["queue"] == "lane"
    elsewhere = stack.run("in_lane", 1, queue="default")
    assert (elsewhere["queue"], elsewhere["status"]) == ("default", "succeeded")


def test_g16_an_unknown_queue_is_refused_with_near_matches(stack: Stack) -> None:
    answer = stack.post("noop", queue="defualt")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert "queue" in error["loc"]
    assert "default" in error["msg"].replace("defualt", "")


def test_g16_a_queue_that_nobody_serves_is_named_by_the_doctor(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url, worker_options=("--queues", "default"))
    assert "lane" in stack.taskctl("doctor", check=False)
    queues = {row["name"]: row for row in stack.client.get("/api/v1/queues").json()}
    assert queues["lane"]["workers"] == 0
    assert queues["default"]["workers"] > 0
