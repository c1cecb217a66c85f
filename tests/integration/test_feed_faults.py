"""Feeding around trouble: a broker that is away or full, a pause, a cancel at the last moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch
from app.core.broker import sync_client
from app.core.config import Settings
from app.db.session import async_session
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.domain.window import LONGEST_REST_SECONDS
from app.queries import feed, leases
from app.services import queue as queue_service
from app.services.task import task_service
from tests.support.broker import Broker
from tests.support.environment import use_settings
from tests.support.processes import wait_until
from tests.support.world import NOOP, QUEUE, World


@pytest.fixture
def own_broker(
    settings: Settings, clean_settings: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Broker]:
    """A broker that the test may stop."""
    broker = Broker(tmp_path / "broker").start()
    use_settings(clean_settings, celery_broker_url=broker.url)
    yield broker
    broker.stop()


@pytest.fixture
def feeder(settings: Settings) -> Iterator[None]:
    """A feeding thread of this test's own."""
    dispatch.stop()
    yield
    dispatch.flush(5)
    dispatch.stop()


async def submit(db: AsyncSession, *, commit: bool = True) -> str:
    _, celery_id = await task_service.create_task(
        db, name="n", task_type="t", celery_task_name=NOOP, commit=commit
    )
    return celery_id


def test_with_the_broker_down_rows_wait_unmarked_and_go_out_when_it_is_back(
    own_broker: Broker, world: World
) -> None:
    ids = world.add_many(3)
    first = world.pair(ids[0])[1]
    own_broker.stop()
    for _ in range(3):
        report = world.feed()
        assert (report.published, world.marked()) == (False, 0)
    assert {world.row(task_id).status for task_id in ids} == {"pending"}
    own_broker.start()
    assert world.feed().published
    assert [hint.task_id for hint in world.hints()] == ids
    # The failed publish used the first id up: something of it may have arrived.
    assert world.hints()[0].celery_id != first


async def test_a_broker_outage_neither_fails_nor_delays_a_submission(
    own_broker: Broker, feeder: None, db: AsyncSession, world: World
) -> None:
    own_broker.stop()
    for _ in range(5):
        began = time.monotonic()
        await submit(db)
        assert time.monotonic() - began < 1
    dispatch.flush(1)
    assert world.statuses() == {"pending": 5}
    own_broker.start()
    wait_until(lambda: len(world.hints()) == 5, timeout=10, what="all five are published")


def test_a_full_broker_gets_its_marks_taken_back(own_broker: Broker, world: World) -> None:
    ids = world.add_many(5)
    before = {world.pair(task_id)[1] for task_id in ids}
    sync_client().config_set("maxmemory", "1")
    report = world.feed()
    assert (report.published, world.marked()) == (False, 0)
    assert not before & {world.pair(task_id)[1] for task_id in ids}
    sync_client().config_set("maxmemory", "0")
    assert world.feed().published
    assert [hint.task_id for hint in world.hints()] == ids


def test_a_message_of_a_publish_that_failed_half_way_loses_at_the_claim(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, the message was not: its rows have new ids by then."""
    world.add_many(3)
    original = sync_client().pipeline

    def answer_lost(*args: object, **kwargs: object) -> object:
        pipe = original(*args, **kwargs)
        execute = pipe.execute

        def fail_after(**options: bool) -> None:
            execute(**options)
            raise ConnectionResetError("the answer was lost")

        monkeypatch.setattr(pipe, "execute", fail_after)
        return pipe

    with monkeypatch.context() as patch:
        patch.setattr(sync_client(), "pipeline", answer_lost)
        assert not world.feed().published
    arrived = [(hint.task_id, hint.celery_id) for hint in world.hints()]
    assert len(arrived) == 3
    assert world.claim(*arrived) == []
    world.feed()
    assert len(world.claim(*[(h.task_id, h.celery_id) for h in world.hints()[3:]])) == 3


def test_a_broker_that_refuses_some_keeps_the_others(world: World) -> None:
    """As one does that is nearly full: only the marks of what it refused are taken back."""
    taken, refused = world.add(), world.add(priority=Priority.HIGH)
    before = world.pair(taken)
    sync_client().set(world.key(Priority.HIGH), "no list")
    assert not world.feed().published
    assert (world.marked(), world.pair(taken)) == (1, before)
    assert [hint.task_id for hint in world.hints()] == [taken]
    sync_client().delete(world.key(Priority.HIGH))
    assert world.feed().published
    assert [hint.task_id for hint in world.hints(Priority.HIGH)] == [refused]


async def pause() -> None:
    async with async_session() as db:
        await queue_service.pause(db, QUEUE, "op@example.org")


async def test_pausing_takes_the_marks_back_and_resuming_feeds(world: World, feeder: None) -> None:
    world.add_many(3)
    world.feed()
    out = [(hint.task_id, hint.celery_id) for hint in world.hints()]
    await pause()
    assert world.marked() == 0
    assert world.claim(*out) == []
    assert world.feed().rows == 0
    async with async_session() as db:
        await queue_service.resume(db, QUEUE)
    dispatch.flush(5)
    assert world.marked() == 3
    assert len(world.claim(*[(h.task_id, h.celery_id) for h in world.hints()[3:]])) == 3


async def test_what_is_submitted_to_a_paused_queue_waits(
    world: World, feeder: None, db: AsyncSession
) -> None:
    await pause()
    await submit(db)
    dispatch.flush(5)
    assert (world.marked(), world.hints()) == (0, [])


async def test_a_running_attempt_outlives_a_pause(world: World) -> None:
    pair = world.running()
    await pause()
    assert world.report(pair, 50)
    assert len(world.settle(pair)) == 1


async def test_a_committed_row_is_fed_at_once(world: World, feeder: None, db: AsyncSession) -> None:
    celery_id = await submit(db)
    dispatch.flush(5)
    assert [str(hint.celery_id) for hint in world.hints()] == [celery_id]


async def test_a_row_of_the_callers_transaction_is_fed_within_a_second_of_its_commit(
    world: World, feeder: None, db: AsyncSession, settings: Settings
) -> None:
    await submit(db, commit=False)
    dispatch.flush(1)
    assert world.hints() == []
    await db.commit()
    wait_until(lambda: len(world.hints()) == 1, timeout=1, what="the hint is out")


async def test_a_row_that_was_made_in_a_savepoint_is_fed_after_the_outer_commit(
    world: World, feeder: None, db: AsyncSession, settings: Settings
) -> None:
    async with db.begin_nested():
        await submit(db, commit=False)
    dispatch.flush(1)
    await db.commit()
    wait_until(lambda: len(world.hints()) == 1, timeout=1, what="the hint is out")


async def test_a_rolled_back_savepoint_does_not_forget_what_was_made_before_it(
    world: World, feeder: None, db: AsyncSession, settings: Settings
) -> None:
    kept = await submit(db, commit=False)
    savepoint = await db.begin_nested()
    await submit(db, commit=False)
    await savepoint.rollback()
    await db.commit()
    wait_until(lambda: len(world.hints()) == 1, timeout=1, what="the hint is out")
    assert str(world.hints()[0].celery_id) == kept


async def test_a_row_that_was_rolled_back_leaves_nothing(
    world: World, feeder: None, db: AsyncSession
) -> None:
    await submit(db, commit=False)
    await db.rollback()
    kept = await submit(db)
    dispatch.flush(5)
    assert [str(hint.celery_id) for hint in world.hints()] == [kept]
    assert world.statuses() == {"pending": 1}


async def test_several_rows_of_one_transaction_all_go_out(
    world: World, feeder: None, settings: Settings
) -> None:
    async with async_session() as db:
        for _ in range(3):
            await submit(db, commit=False)
        await db.commit()
    dispatch.flush(5)
    assert len(world.hints()) == 3


def test_a_slow_feed_is_not_followed_by_the_next_at_once(world: World, feeder: None) -> None:
    """A held snapshot makes every feed slow; here it waits for the queue's lock."""
    world.set_window(64)
    first, second = world.add_many(2, countdown=3600)
    world.force(first, rank=1)
    with world.database.transaction() as holder:
        holder.execute(feed.lock_queue(), {"queue_name": QUEUE}).all()
        dispatch.wake(QUEUE)
        wait_until(lambda: dispatch._feeder and dispatch._feeder._busy, timeout=5, what="it feeds")
        time.sleep(0.2)  # how long the feed takes
    wait_until(lambda: world.row(first).dispatched_at, timeout=5, what="it was fed")
    world.force(second, rank=1)
    dispatch.wake(QUEUE)
    wait_until(lambda: world.row(second).dispatched_at, timeout=5, what="the next one is fed")
    gap = world.row(second).dispatched_at - world.row(first).dispatched_at
    assert gap >= timedelta(seconds=LONGEST_REST_SECONDS)


async def test_one_that_is_cancelled_between_feed_and_claim_is_not_claimed(
    world: World, db: AsyncSession
) -> None:
    task_id = world.add()
    world.feed()
    (hint,) = world.hints()
    assert await task_service.cancel_task(db, task_id)
    assert world.claim((hint.task_id, hint.celery_id)) == []
    assert world.row(task_id).status == TaskStatus.REVOKED


@pytest.mark.parametrize(
    "meanwhile", [{"status": "revoked"}, {"queue": "other"}, {"rank": None}], ids=str
)
def test_a_row_that_changed_while_it_is_being_marked_is_left_out(
    world: World, meanwhile: dict[str, Any]
) -> None:
    kept, changed = world.add_many(2)
    world.force(changed, **meanwhile)
    assert [row.id for row in world.mark(kept, changed)] == [kept]


def test_expired_rows_are_revoked_by_the_sweep(world: World) -> None:
    late, in_time = [world.add(expires_at=world.now() + timedelta(hours=hours)) for hours in (1, 2)]
    world.feed()
    world.force(late, expires_at=world.now() - timedelta(seconds=1))
    assert world.database.execute(feed.expire(10)).column() == [late]
    row = world.row(late)
    assert (row.status, row.reason) == ("revoked", "expired")
    assert world.row(in_time).status == "pending"


def test_only_rows_of_the_function_that_nobody_has_are_rejected(world: World) -> None:
    known = world.add()
    unknown = world.add()
    world.force(unknown, celery_task_name="gone.tasks.f")
    world.feed()
    assert set(world.database.execute(feed.pending_names()).column()) == {NOOP, "gone.tasks.f"}
    error = {"type": "not_registered", "message": "m", "traceback": None, "attempt": 0}
    statement = feed.reject_unknown("gone.tasks.f", error, 10)
    assert world.database.execute(statement).column() == [unknown]
    row = world.row(unknown)
    assert (row.status, row.reason, row.error) == ("failed", "not_registered", error)
    assert world.row(known).status == "pending"


def worker(names: list[str]) -> dict[str, object]:
    return {
        "name": "w1",
        "host": "h",
        "pid": 1,
        "pool": "prefork",
        "queues": [QUEUE],
        "slots": 2,
        "running": [],
        "version": "1",
        "catalogue_hash": "x",
        "catalogue": names,
        "cpu_percent": 0.0,
        "memory_bytes": 0,
        "stopping": False,
    }


@pytest.mark.parametrize(
    ("catalogue", "status"),
    [(None, "pending"), ([NOOP], "failed"), (["gone.tasks.f"], "pending")],
    ids=["no live worker", "a worker without it", "a worker that has it"],
)
def test_a_function_is_unknown_only_when_no_live_worker_has_it(
    world: World, catalogue: list[str] | None, status: str
) -> None:
    from app.maintenance import reject

    task_id = world.add()
    world.force(task_id, celery_task_name="gone.tasks.f")
    world.feed()
    if catalogue is not None:
        world.database.execute(leases.describe_worker(worker(catalogue)))
    reject.Reject(world.database).run_once(10, patience=0)
    assert world.row(task_id).status == status


def test_hints_of_what_was_rejected_hold_up_nobody(world: World) -> None:
    from app.maintenance import reject

    gone = world.add_many(3)
    for task_id in gone:
        world.force(task_id, celery_task_name="gone.tasks.f")
    known = world.add()
    world.feed()
    assert len(world.hints()) == 4
    world.database.execute(leases.describe_worker(worker([NOOP])))
    assert reject.Reject(world.database).run_once(10, patience=0).unknown == 3
    assert [hint.task_id for hint in world.hints()] == [known]


def test_a_function_that_was_known_a_moment_ago_may_come_back(world: World) -> None:
    from app.maintenance import reject

    task_id = world.add()
    world.force(task_id, celery_task_name="gone.tasks.f")
    world.feed()
    judge = reject.Reject(world.database)
    world.database.execute(leases.describe_worker(worker(["gone.tasks.f"])))
    judge.run_once(10)
    world.database.execute(leases.describe_worker(worker([NOOP])))
    judge.run_once(10)
    judge._unknown_since["gone.tasks.f"] -= reject.PATIENCE_SECONDS + 1
    judge.run_once(10)
    assert world.row(task_id).status == "pending"
    judge._unknown_since["gone.tasks.f"] -= reject.RETURN_SECONDS
    judge.run_once(10)
    assert world.row(task_id).status == "failed"


def test_a_database_that_is_away_is_the_callers_to_see(world: World) -> None:
    world.add()
    world.database.execute(text("DROP TABLE queues"))
    with pytest.raises(SQLAlchemyError):
        world.feed()
