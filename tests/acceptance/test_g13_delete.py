"""G13: deleting, over HTTP and by the service layer."""

from __future__ import annotations

import uuid

from app.db.session import async_session
from app.services.task import task_service
from tests.support.processes import wait_until
from tests.support.stack import Stack


def _gone(stack: Stack, task_id: str) -> bool:
    return stack.client.get(f"/api/v1/tasks/{task_id}").status_code == 404


def test_g13_a_task_that_does_not_run_is_removed_at_once(stack: Stack) -> None:
    for task in (stack.submit("noop", countdown=600), stack.run("noop")):
        answer = stack.client.delete(f"/api/v1/tasks/{task['id']}")
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert _gone(stack, task["id"])


def test_g13_a_running_task_goes_when_its_attempt_has_stopped(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.submit("cancellable", 30, str(log))
    stack.wait_for(task["id"], "running")
    wait_until(lambda: log.phases(task["id"]), timeout=5, what="the body has begun")
    assert stack.client.delete(f"/api/v1/tasks/{task['id']}").status_code == 202
    wait_until(lambda: _gone(stack, task["id"]), timeout=10, what="the task is gone")
    assert log.phases(task["id"]) == ["start", "finally"]


def test_g13_an_unknown_task_is_404(stack: Stack) -> None:
    assert stack.client.delete(f"/api/v1/tasks/{uuid.uuid4()}").status_code == 404


async def test_g13_the_service_layer_says_whether_there_was_one(inside: Stack) -> None:
    task_id = inside.submit("noop", countdown=600)["id"]
    async with async_session() as db:
        assert await task_service.delete_task(db, task_id) is True
        assert await task_service.delete_task(db, task_id) is False
    assert _gone(inside, task_id)
