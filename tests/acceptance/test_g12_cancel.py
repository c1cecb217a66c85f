"""G12: cancelling, over HTTP and by the service layer."""

from __future__ import annotations

import uuid

from app.db.session import async_session
from app.services.task import task_service
from tests.support.stack import Stack


def test_g12_a_waiting_task_is_revoked_at_once_and_again_without_harm(stack: Stack) -> None:
    task = stack.submit("noop", countdown=600)
    for _ in range(2):
        answer = stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")
        assert answer.status_code == 200
        assert answer.json()["success"] is True
        assert answer.json()["task"]["status"] == "revoked"
    assert answer.json()["task"]["attempt"] == 0


def test_g12_a_running_task_is_told_and_stops(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.submit("cancellable", 30, str(log))
    stack.wait_for(task["id"], "running")
    answer = stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")
    assert answer.status_code == 202
    assert answer.json()["task"]["cancel_requested_at"]
    done = stack.wait_for(task["id"], "revoked", timeout=8)
    assert done["reason"] == "cancelled"
    assert log.phases(task["id"]) == ["start", "finally"]


def test_g12_a_finished_task_is_409_and_an_unknown_one_404(stack: Stack) -> None:
    task = stack.run("noop")
    assert stack.client.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 409
    assert stack.client.post(f"/api/v1/tasks/{uuid.uuid4()}/cancel").status_code == 404


async def test_g12_the_service_layer_says_whether_it_cancelled(inside: Stack) -> None:
    waiting = inside.submit("noop", countdown=600)["id"]
    finished = inside.run("noop")["id"]
    async with async_session() as db:
        assert await task_service.cancel_task(db, waiting) is True
        assert await task_service.cancel_task(db, waiting) is False
        assert await task_service.cancel_task(db, finished) is False
        assert await task_service.cancel_task(db, uuid.uuid4()) is False
    assert inside.task(waiting)["status"] == "revoked"
