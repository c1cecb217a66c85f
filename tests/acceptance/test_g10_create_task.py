"""G10: `create_task` of the service layer, with its own transaction and with the caller's."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from app.db.session import async_session
from app.services.task import task_service
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack


async def _create(db: Any, **options: Any) -> tuple[Any, str]:
    return await task_service.create_task(
        db=db, name="n", task_type="t", celery_task_name=TASKS + "add", args=[2, 3], **options
    )


async def test_g10_it_commits_dispatches_and_returns_both_ids(inside: Stack) -> None:
    async with async_session() as db:
        task, celery_id = await _create(db, kwargs={}, priority=2, user_id=uuid.uuid4())
    assert str(task.celery_id) == celery_id
    done = await asyncio.to_thread(inside.wait_for, str(task.id))
    assert (done["status"], done["result"], done["celery_id"]) == ("succeeded", 5, celery_id)


async def test_g10_a_user_id_may_be_text(inside: Stack) -> None:
    user_id = uuid.uuid4()
    async with async_session() as db:
        task, _ = await _create(db, user_id=str(user_id))
    assert task.user_id == user_id


async def test_g10_without_a_user_it_is_seen_by_operators_only(inside: Stack) -> None:
    async with async_session() as db:
        task, _ = await _create(db, user_id=None)
    path = f"/api/v1/tasks/{task.id}"
    assert inside.client_for("op@example.com", "operator").get(path).status_code == 200
    assert inside.client_for("user@example.com", "user").get(path).status_code == 404


async def test_g10_with_commit_false_nothing_happens_before_the_commit(inside: Stack) -> None:
    async with async_session() as db:
        task, _ = await _create(db, commit=False)
        # SQLite has one writer, so nobody else can commit while this transaction is open.
        await asyncio.sleep(1)  # in which nothing may happen
        assert inside.client.get(f"/api/v1/tasks/{task.id}").status_code == 404
        await db.commit()
        committed = time.monotonic()
    done = await asyncio.to_thread(inside.wait_for, str(task.id), timeout=5)
    assert time.monotonic() - committed < 2
    assert done["result"] == 5


async def test_g10_it_is_dispatched_within_a_second_after_the_callers_commit(
    inside: Stack,
) -> None:
    async with async_session() as db:
        task, _ = await _create(db, commit=False)
        await db.commit()

    def is_dispatched() -> bool:
        return inside.task(str(task.id))["dispatched_at"] is not None

    await asyncio.to_thread(wait_until, is_dispatched, timeout=1, what="it is dispatched")


async def test_g10_a_rollback_leaves_nothing(inside: Stack) -> None:
    async with async_session() as db:
        task, _ = await _create(db, commit=False)
        task_id = task.id
        await db.rollback()
    assert inside.client.get(f"/api/v1/tasks/{task_id}").status_code == 404
