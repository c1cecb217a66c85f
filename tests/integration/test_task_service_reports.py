"""Reports on tasks: by the attempt itself, and by executors outside Celery."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.current import current_attempt
from app.core.errors import Conflict, NotFound, PreconditionFailed
from app.domain.lifecycle import TaskStatus
from app.maintenance import rescue
from app.services import external
from app.services.task import task_service
from tests.support.world import Pair, World

RUNNING, SUCCEEDED, FAILED = TaskStatus.RUNNING, TaskStatus.SUCCEEDED, TaskStatus.FAILED


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing feeds by itself."""
    monkeypatch.setattr(dispatch, "wake", lambda queue: None)


class Body:
    """The code of an attempt, as services see it."""

    def __init__(self, pair: Pair) -> None:
        self.task_id, self.celery_id = pair
        self.attempt, self.thread_id = 1, threading.get_ident()
        self.secrets: tuple[str, ...] = ()
        self.declared: list[tuple[str, Any, str | None]] = []

    def changed(self) -> None:
        """Nobody watches."""

    def declare(self, status: str, result: Any, error: str | None) -> None:
        self.declared.append((status, result, error))


@contextmanager
def inside(pair: Pair) -> Iterator[Body]:
    """As if called from the body of this attempt."""
    body = Body(pair)
    token = current_attempt.set(body)
    try:
        yield body
    finally:
        current_attempt.reset(token)


async def update(db: AsyncSession, task_id: uuid.UUID | str, **report: Any) -> bool:
    report.setdefault("status", RUNNING)
    return await task_service.update_task_status(db=db, task_id=task_id, **report)


# -- inside an attempt ----------------------------------------------------------------------


async def test_inside_its_attempt_it_is_a_report(world: World, db: AsyncSession) -> None:
    pair = world.running()
    with inside(pair):
        assert await update(db, str(pair[0]), progress=30, progress_message="on its way")
        assert await update(db, pair[0], progress=10)
    row = world.row(pair[0])
    assert (row.status, row.progress, row.progress_message) == ("running", 30, "on its way")
    assert row.attempt == 1


async def test_a_finished_status_is_kept_for_when_the_body_returns(
    world: World, db: AsyncSession
) -> None:
    pair = world.running()
    with inside(pair) as body:
        assert await update(db, pair[0], status="succeeded", result={"n": 1})
    assert body.declared == [("succeeded", {"n": 1}, None)]
    row = world.row(pair[0])
    assert (row.status, row.progress) == ("running", 100)


async def test_a_superseded_attempt_reports_in_vain(world: World, db: AsyncSession) -> None:
    pair = world.running()
    world.force(pair[0], celery_id=uuid.uuid4())
    with inside(pair):
        assert not await update(db, pair[0], progress=30)
    assert world.row(pair[0]).progress == 0


async def test_a_foreign_id_is_never_fenced_by_mine(world: World, db: AsyncSession) -> None:
    mine, foreign = world.running(), world.add()
    with inside(mine):
        assert await update(db, foreign, progress=30)
    row = world.row(foreign)
    assert (row.status, row.worker, row.progress) == ("running", "external:service", 30)
    assert world.row(mine[0]).progress == 0


# -- outside --------------------------------------------------------------------------------


async def test_outside_it_moves_a_task_along_legal_steps(world: World, db: AsyncSession) -> None:
    task_id = world.add()
    assert not await update(db, task_id, status=SUCCEEDED)
    assert await update(db, task_id, progress=0)
    assert await update(db, task_id, progress=60)
    assert await update(db, task_id, status="succeeded", result=[1])
    row = world.row(task_id)
    assert (row.status, row.result, row.progress, row.reason) == ("succeeded", [1], 100, "reported")
    for status in (RUNNING, FAILED, SUCCEEDED, TaskStatus.PENDING):
        assert not await update(db, task_id, status=status)


async def test_a_failure_may_be_told_in_a_sentence(world: World, db: AsyncSession) -> None:
    task_id = world.add()
    await update(db, task_id)
    assert await update(db, task_id, status=FAILED, error="the disk is full")
    assert world.row(task_id).error == {
        "type": "reported",
        "message": "the disk is full",
        "traceback": None,
        "attempt": 1,
    }


async def test_neither_tells_what_looks_like_a_secret(world: World, db: AsyncSession) -> None:
    mine, foreign = world.running(), world.add()
    told, shown = "dialling redis://:hunter2@db/0", "dialling redis://:***@db/0"
    with inside(mine):
        assert await update(db, mine[0], progress=30, progress_message=told)
        assert await update(db, foreign, progress=30, progress_message=told)
        assert await update(db, foreign, status=FAILED, error=told)
    assert [world.row(each).progress_message for each in (mine[0], foreign)] == [shown, shown]
    assert world.row(foreign).error["message"] == shown


async def test_what_a_worker_holds_nobody_else_reports_on(world: World, db: AsyncSession) -> None:
    pair = world.running()
    assert not await update(db, pair[0], progress=50)
    assert not await update(db, pair[0], status=SUCCEEDED)
    assert world.row(pair[0]).status == "running"


@pytest.mark.parametrize("unknown", [uuid.uuid4(), "no-id"])
async def test_an_unknown_task_takes_no_report(
    world: World, db: AsyncSession, unknown: uuid.UUID | str
) -> None:
    assert not await update(db, unknown, progress=1)


@pytest.mark.parametrize(("progress", "kept"), [(-1, 20), (101, 100), (float("nan"), 20)])
@pytest.mark.parametrize("worker", ["w1", "external:service"])
async def test_progress_out_of_range_counts_as_the_nearer_end(
    world: World, db: AsyncSession, progress: float, kept: float, worker: str
) -> None:
    pair = world.running(worker=worker)
    world.report(pair, 20)
    if worker == "w1":
        with inside(pair):
            assert await update(db, pair[0], progress=progress)
    else:
        assert await update(db, pair[0], progress=progress)
    assert world.row(pair[0]).progress == kept


# -- executors outside Celery ---------------------------------------------------------------


async def test_an_executor_claims_reports_and_settles(world: World, db: AsyncSession) -> None:
    task_id = world.add(max_attempts=2)
    task = await external.claim(db, task_id, "gpu", lease_seconds=60)
    assert (task.status, task.attempt, task.worker) == ("running", 1, "external:gpu")
    before = world.row(task_id).lease_until
    await external.report(db, task_id, 1, lease_seconds=600, progress=40, progress_message="m")
    assert world.row(task_id).lease_until > before + timedelta(seconds=300)
    await external.report(db, task_id, 1, progress=20)
    assert world.row(task_id).progress == 40
    done = await external.report(db, task_id, 1, status=SUCCEEDED, result={"x": 1})
    assert (done.status, done.result, done.progress, done.lease_until) == (
        "succeeded",
        {"x": 1},
        100,
        None,
    )


async def test_a_claim_outside_celery_voids_the_hint(world: World, db: AsyncSession) -> None:
    task_id = world.add()
    world.feed()
    pair = world.pair(task_id)
    await external.claim(db, task_id, "gpu")
    assert world.claim(pair) == []


async def test_only_a_pending_task_that_has_not_expired_is_claimed(
    world: World, db: AsyncSession
) -> None:
    running, expired = world.running()[0], world.add()
    world.force(expired, expires_at=world.now() - timedelta(seconds=1))
    waiting = world.add()
    for task_id in (running, expired):
        with pytest.raises(Conflict):
            await external.claim(db, task_id, "gpu")
    with pytest.raises(NotFound):
        await external.claim(db, uuid.uuid4(), "gpu")
    with pytest.raises(PreconditionFailed):
        await external.claim(db, waiting, "gpu", if_version=7)


async def test_the_number_of_the_attempt_is_its_fence(world: World, db: AsyncSession) -> None:
    task_id = world.add(max_attempts=3)
    await external.claim(db, task_id, "gpu")
    world.end_lease(task_id)
    assert rescue.run_once(world.database, 10).returned == 1
    second = await external.claim(db, task_id, "tpu")
    assert second.attempt == 2
    with pytest.raises(Conflict):
        await external.report(db, task_id, 1, status=SUCCEEDED)
    assert (await external.report(db, task_id, 2, status=SUCCEEDED)).status == "succeeded"


async def test_a_task_held_by_a_worker_is_not_reported_from_outside(
    world: World, db: AsyncSession
) -> None:
    pair = world.running()
    with pytest.raises(Conflict, match="held by a worker"):
        await external.report(db, pair[0], 1, progress=10)


async def test_a_task_to_be_deleted_goes_with_its_executors_last_word(
    world: World, db: AsyncSession
) -> None:
    task_id = world.add()
    await external.claim(db, task_id, "gpu")
    await task_service.delete(db, task_id)
    await external.report(db, task_id, 1, status=TaskStatus.REVOKED)
    assert world.gone(task_id)
