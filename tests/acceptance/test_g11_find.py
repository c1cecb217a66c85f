"""G11: one task and lists of tasks, over HTTP and by the service layer."""

from __future__ import annotations

import uuid

from app.db.session import async_session
from app.services.task import task_service
from tests.support.stack import Stack


def _kind() -> str:
    return f"kind-{uuid.uuid4().hex[:8]}"


def test_g11_one_task_and_a_filtered_list(stack: Stack) -> None:
    kind = _kind()
    running = stack.submit("sleep_for", 3, task_type=kind)
    later = stack.submit("noop", task_type=kind, countdown=600)
    stack.wait_for(running["id"], "running")
    assert stack.task(later["id"])["status"] == "pending"
    query: dict[str, str | int] = {"task_type": kind, "limit": 10}
    listed = stack.client.get("/api/v1/tasks/", params={**query, "status": "running"}).json()
    assert [task["id"] for task in listed] == [running["id"]]
    newest_first = stack.client.get("/api/v1/tasks/", params=query).json()
    assert [task["id"] for task in newest_first] == [later["id"], running["id"]]
    stack.wait_for(running["id"], "succeeded")


def test_g11_an_unknown_id_is_404_and_no_id_is_422(stack: Stack) -> None:
    assert stack.client.get(f"/api/v1/tasks/{uuid.uuid4()}").status_code == 404
    assert stack.client.get("/api/v1/tasks/not-an-id").status_code in (404, 422)


async def test_g11_the_service_layer_takes_ids_as_uuid_or_text(inside: Stack) -> None:
    task_id = inside.submit("noop", countdown=600)["id"]
    async with async_session() as db:
        for given in (task_id, uuid.UUID(task_id)):
            found = await task_service.get_task(db, given)
            assert found is not None
            assert found.id == uuid.UUID(task_id)
        for unknown in (uuid.uuid4(), str(uuid.uuid4()), "no id at all"):
            assert await task_service.get_task(db, unknown) is None


async def test_g11_the_service_layer_lists(inside: Stack) -> None:
    kind = _kind()
    ids = [inside.submit("noop", task_type=kind, countdown=600)["id"] for _ in range(3)]
    async with async_session() as db:
        page = await task_service.get_tasks(
            db=db, status="pending", task_type=kind, skip=1, limit=10
        )
        assert [str(task.id) for task in page] == [ids[1], ids[0]]
        assert await task_service.get_tasks(db=db, status="running", task_type=kind) == []
