"""G9: a submission answers 201 with the task, which then runs and reports progress."""

from __future__ import annotations

import uuid

from tests.support.stack import Stack

LONG = "app.tasks.common_tasks.long_running_task"


def test_g09_the_answer_is_the_task(stack: Stack) -> None:
    task = stack.submit(LONG, 0.1, kwargs={"param": "value"}, priority=2)
    assert uuid.UUID(task["id"]).version == 7
    assert str(uuid.UUID(task["celery_id"])) == task["celery_id"]
    assert (task["status"], task["attempt"], task["priority"]) == ("pending", 0, 2)
    assert (task["args"], task["kwargs"]) == ([0.1], {"param": "value"})
    assert task["queue"] == "default"
    assert stack.wait_for(task["id"])["status"] == "succeeded"


def test_g09_progress_rises_while_it_runs(stack: Stack) -> None:
    task = stack.submit(LONG, 4, kwargs={"param": "value"})
    seen = []
    for now in stack.watch(task["id"]):
        seen.append(now["progress"])
    assert now["status"] == "succeeded"
    assert now["progress"] == 100
    assert now["result"] == {"duration": 4, "param": "value"}
    assert seen == sorted(seen)
    assert len(set(seen)) >= 3
    assert now["created_at"] <= now["started_at"] <= now["completed_at"]


def test_g09_arguments_that_do_not_fit_are_refused(stack: Stack) -> None:
    for args, kwargs in (([], {}), (["soon"], {}), ([1, "a", 2], {}), ([1], {"parm": "value"})):
        answer = stack.post(LONG, *args, kwargs=kwargs)
        assert answer.status_code == 422, (args, kwargs)
        assert answer.json()["errors"]


def test_g09_chinese_text_comes_back_as_it_went_in(stack: Stack) -> None:
    task = stack.run("echo", "数据", name="数据处理任务", kwargs={"键": "值"})
    assert task["name"] == "数据处理任务"
    assert task["result"] == {"args": ["数据"], "kwargs": {"键": "值"}}
