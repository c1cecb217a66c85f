"""Executors outside Celery cannot be killed: what bounds them is the lease that they hold."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.config import get_settings
from app.domain.lifecycle import TaskStatus
from app.maintenance import rescue
from app.queries import attempts as statements
from app.services import external
from app.services.task import task_service
from tests.support.world import World

GRACE = timedelta(seconds=get_settings().cancel_grace_seconds)
MOMENT = timedelta(seconds=2)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing feeds by itself."""
    monkeypatch.setattr(dispatch, "wake", lambda queue: None)


async def _claimed(world: World, db: AsyncSession, **fields: Any) -> uuid.UUID:
    task_id = world.add(**fields)
    await external.claim(db, task_id, "gpu", lease_seconds=300)
    return task_id


async def test_the_first_lease_ends_at_the_time_limit(world: World, db: AsyncSession) -> None:
    task_id = await _claimed(world, db, time_limit=20)
    row = world.row(task_id)
    assert abs(row.lease_until - row.started_at - timedelta(seconds=20)) < MOMENT


async def test_no_report_renews_past_the_time_limit(world: World, db: AsyncSession) -> None:
    task_id = await _claimed(world, db, time_limit=20)
    world.force(task_id, started_at=world.now() - timedelta(seconds=15))
    await external.report(db, task_id, 1, lease_seconds=300)
    assert world.row(task_id).lease_until - world.now() < timedelta(seconds=5) + MOMENT


async def test_a_lease_shorter_than_the_limit_is_what_was_asked_for(
    world: World, db: AsyncSession
) -> None:
    task_id = await _claimed(world, db, time_limit=3000)
    await external.report(db, task_id, 1, lease_seconds=60)
    left = world.row(task_id).lease_until - world.now()
    assert abs(left - timedelta(seconds=60)) < MOMENT


async def test_past_its_limit_it_has_timed_out(world: World, db: AsyncSession) -> None:
    task_id = await _claimed(world, db, time_limit=20)
    world.force(task_id, started_at=world.now() - timedelta(seconds=25))
    await external.report(db, task_id, 1, lease_seconds=300)
    rescue.run_once(world.database, 10)
    row = world.row(task_id)
    assert (row.status, row.reason) == ("failed", "timeout")
    assert row.error["message"] == "timed out after 20.0s"


async def test_one_that_was_lost_before_its_limit_is_lost(world: World, db: AsyncSession) -> None:
    task_id = await _claimed(world, db, time_limit=20)
    world.end_lease(task_id)
    rescue.run_once(world.database, 10)
    assert world.row(task_id).reason == "worker_lost"


async def test_a_cancel_leaves_the_grace_and_a_report_confirms_it(
    world: World, db: AsyncSession
) -> None:
    task_id = await _claimed(world, db, time_limit=3000)
    await task_service.cancel(db, task_id)
    assert world.row(task_id).lease_until - world.now() <= GRACE
    await external.report(db, task_id, 1, lease_seconds=300, progress=5)
    row = world.row(task_id)
    assert row.lease_until - world.now() <= GRACE
    assert row.cancel_requested_at <= row.cancel_acknowledged_at
    await external.report(db, task_id, 1, status=TaskStatus.REVOKED)
    assert (world.row(task_id).status, world.row(task_id).stopped_by) == ("revoked", "cooperative")


async def test_after_the_grace_it_is_revoked_by_force(world: World, db: AsyncSession) -> None:
    task_id = await _claimed(world, db)
    await task_service.cancel(db, task_id)
    world.end_lease(task_id)
    rescue.run_once(world.database, 10)
    assert (world.row(task_id).status, world.row(task_id).stopped_by) == ("revoked", "forced")


async def test_workers_leases_are_not_shortened(world: World, db: AsyncSession) -> None:
    pair = world.running()
    before = world.row(pair[0]).lease_until
    await task_service.cancel(db, pair[0])
    assert world.row(pair[0]).lease_until == before
    locked = world.database.execute(statements.lock_attempt(*pair)).one()
    assert not locked.limit_over
