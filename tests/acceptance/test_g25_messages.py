"""G25: each trouble of the guide's lists gives one clear sentence that names the cure."""

from __future__ import annotations

import json

from tests.support.processes import free_port, wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def test_g25_a_silent_broker_is_named_by_the_doctor_and_by_health(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    silent = f"redis://127.0.0.1:{free_port()}/0"
    stack = make_stack(
        sqlite_url, parts=("api",), CELERY_BROKER_URL=silent, CELERY_RESULT_BACKEND=silent
    )
    health = stack.client.get("/health/ready")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert any("broker" in reason.lower() for reason in health.json()["reasons"])
    said = stack.taskctl("doctor", check=False)
    assert "broker" in said.lower()
    assert silent.removesuffix("/0") in said.replace("\n", "") or "CELERY_BROKER_URL" in said
    assert "Traceback" not in said


def test_g25_a_worker_whose_broker_is_silent_says_so_and_waits(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    silent = f"redis://127.0.0.1:{free_port()}/0"
    stack = make_stack(
        sqlite_url, parts=(), CELERY_BROKER_URL=silent, CELERY_RESULT_BACKEND=silent, start=False
    )
    worker = stack.start_part("worker")

    def said() -> bool:
        assert worker.alive, worker.tail()
        return "CELERY_BROKER_URL" in worker.text()

    wait_until(said, timeout=20, what="a sentence that names the setting")
    assert "Traceback" not in worker.text()


def test_g25_an_unregistered_name_is_refused_with_near_matches(stack: Stack) -> None:
    answer = stack.post("tests.support.tasks.nop")
    assert answer.status_code == 422
    assert "not registered" in answer.json()["detail"]
    assert "tests.support.tasks.noop" in answer.json()["detail"]
    assert answer.json()["code"] == "not_registered"


def test_g25_a_missing_worker_is_named_by_the_doctor(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url, parts=("api",))
    checks = stack.taskctl("doctor", check=False)
    assert "worker" in checks.lower()
    assert "scripts.celery_worker" in checks or "make up" in checks


def test_g25_a_task_module_that_cannot_be_imported_is_named(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url, parts=(), start=False, TASK_MODULES="no_such_module")
    for part in ("api", "worker", "beat"):
        process = stack.start_part(part)
        wait_until(lambda p=process: not p.alive, timeout=20, what=f"{part} gives up")  # type: ignore[misc]
        assert process.returncode != 0
        assert "no_such_module" in process.text()
        assert "TASK_MODULES" in process.text()


def test_g25_the_doctors_answer_is_also_json(stack: Stack) -> None:
    assert json.loads(stack.taskctl("doctor", "--json", check=False))
