"""A refusal leaves nothing behind that keeps others waiting, however long its session lives on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.errors import AppError
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.services import auth, browser_session, external, queue
from app.services.building import NewTask
from app.services.submission import Origin
from app.services.task import CancelOutcome, DeleteOutcome, task_service
from tests.support.world import NOOP

NOBODY = uuid.uuid4()
Verb = Callable[[AsyncSession, uuid.UUID], Awaitable[object]]


def new(**fields: object) -> NewTask:
    return NewTask(name="n", task_type="t", celery_task_name=NOOP, **fields)  # type: ignore[arg-type]


REFUSED: dict[str, Verb] = {
    "retry of an unknown task": lambda db, _: task_service.retry_task(db, NOBODY),
    "retry of a waiting task": task_service.retry_task,
    "edit of an unknown task": lambda db, _: task_service.edit(
        db, NOBODY, owner=None, changes={"name": "x"}
    ),
    "edit of another version": lambda db, task: task_service.edit(
        db, task, owner=None, changes={"name": "x"}, if_version=99
    ),
    "unknown parent": lambda db, _: task_service.submit(db, new(parent_id=NOBODY)),
    "unknown parent, created": lambda db, _: task_service.create_task(
        db, name="n", task_type="t", celery_task_name=NOOP, parent_id=NOBODY
    ),
    "claim of an unknown task": lambda db, _: external.claim(db, NOBODY, "me"),
    "report on a waiting task": lambda db, task: external.report(db, task, 1),
    "pause of an unknown queue": lambda db, _: queue.pause(db, "nowhere", "me"),
    "resume of an unknown queue": lambda db, _: queue.resume(db, "nowhere"),
    "a look at an unknown queue": lambda db, _: queue.get_queue(db, "nowhere"),
    "unknown user": lambda db, _: auth.get_user(db, NOBODY),
    "token of nobody": lambda db, _: auth.create_token(db, "nobody@example.org"),
    "unknown token": lambda db, _: auth.revoke_token(db, NOBODY, None),
    "link for nobody": lambda db, _: browser_session.create_link(db, "nobody@example.org"),
}
ANSWERED: dict[str, tuple[Verb, object]] = {
    "cancel": (lambda db, _: task_service.cancel(db, NOBODY), CancelOutcome.UNKNOWN),
    "delete": (lambda db, _: task_service.delete(db, NOBODY), DeleteOutcome.UNKNOWN),
    "status of an unknown task": (
        lambda db, _: task_service.update_task_status(db, NOBODY, TaskStatus.RUNNING),
        False,
    ),
    "status that may not follow": (
        lambda db, task: task_service.update_task_status(db, task, TaskStatus.SUCCEEDED),
        False,
    ),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feeder's thread would outlive the test's database."""
    monkeypatch.setattr(dispatch, "wake", lambda _queue: None)


@pytest.fixture
async def task(db: AsyncSession) -> uuid.UUID:
    """A waiting task."""
    made, _ = await task_service.submit(db, new())
    return made.id


async def others_can_write() -> None:
    """Another session writes at once; on SQLite it would wait for any open transaction."""
    async with async_session() as other:
        await asyncio.wait_for(task_service.submit(other, new()), timeout=5)


@pytest.mark.parametrize("verb", REFUSED.values(), ids=REFUSED)
async def test_after_a_refusal_others_can_write(
    db: AsyncSession, task: uuid.UUID, verb: Verb
) -> None:
    with pytest.raises(AppError):
        await verb(db, task)
    assert not db.in_transaction()
    await others_can_write()


@pytest.mark.parametrize(("verb", "answer"), ANSWERED.values(), ids=ANSWERED)
async def test_after_a_no_others_can_write(
    db: AsyncSession, task: uuid.UUID, verb: Verb, answer: object
) -> None:
    assert await verb(db, task) == answer
    assert not db.in_transaction()
    await others_can_write()


async def test_a_key_used_for_another_request_leaves_nothing_open(db: AsyncSession) -> None:
    await task_service.submit(db, new(), idempotency_key="k", fingerprint="a")
    with pytest.raises(AppError):
        await task_service.submit(db, new(), idempotency_key="k", fingerprint="b")
    assert not db.in_transaction()
    await others_can_write()


async def test_a_replayed_request_leaves_nothing_open(db: AsyncSession) -> None:
    first, _ = await task_service.submit(db, new(), idempotency_key="k")
    again, replayed = await task_service.submit(db, new(), idempotency_key="k")
    assert (again.id, replayed) == (first.id, Origin.REPLAYED)
    assert not db.in_transaction()
    await others_can_write()


async def test_a_row_read_before_is_read_anew(db: AsyncSession, task: uuid.UUID) -> None:
    found = await task_service.get_task(db, task)
    await db.commit()
    async with async_session() as other:
        await task_service.cancel(other, task)
    assert found is not None
    assert (await task_service.get_task(db, task)) is found
    assert found.status == TaskStatus.REVOKED
