"""What does not move although nothing holds it up is found; what has a reason to wait is not."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import update

from app.core.broker import sync_client
from app.domain import cron
from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode
from app.models import Worker
from app.queries import leases, limits, schedules
from app.queries import queues as queue_queries
from app.queries.schedules import BEAT_DUTY
from tests.support.invariants import ago, broken, live_worker, verify
from tests.support.world import NOOP, QUEUE, World

pytestmark = pytest.mark.usefixtures("no_feeder")


def old(world: World, *ids: uuid.UUID, seconds: float = 60) -> None:
    """As if they had become ready, and been marked if they are, that long ago."""
    for task_id in ids:
        marked = world.row(task_id).dispatched_at is not None
        values = {"dispatched_at": ago(world, seconds)} if marked else {}
        world.force(task_id, ready_at=ago(world, seconds), **values)


def test_a_ready_row_beside_an_idle_worker_is_found(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    first, second = world.add_many(2)
    old(world, first, second)
    assert broken(world) == {"not_fed": [str(first)]}


@pytest.mark.parametrize("reason", ["paused", "busy", "window", "young", "stopping", "other queue"])
def test_a_ready_row_that_has_a_reason_to_wait_is_none(world: World, reason: str) -> None:
    live_worker(
        world,
        stopping=reason == "stopping",
        queues=["other"] if reason == "other queue" else [QUEUE],
    )
    world.set_window(2 if reason == "window" else 16)
    if reason == "busy":
        world.running()
        world.running()
    if reason == "window":
        world.add_many(2)
        world.feed()
    task_id = world.add()
    if reason != "young":
        old(world, task_id)
    if reason == "paused":
        world.database.execute(queue_queries.pause(QUEUE, "somebody"))
    assert broken(world) == {}


def test_a_row_without_a_rank_though_its_time_has_come_is_found(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    task_id = world.add(countdown=60)
    old(world, task_id)
    assert broken(world) == {"not_fed": [str(task_id)]}


def test_a_deaf_worker_is_found(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    ids = world.add_many(3)
    world.feed()
    old(world, *ids)
    assert broken(world) == {"not_taken": [QUEUE]}


def test_a_worker_that_takes_something_is_not_deaf(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    first, *_ = ids = world.add_many(3)
    world.feed()
    old(world, *ids)
    assert broken(world, between=lambda: world.claim(world.pair(first))) == {}


def test_a_lost_hint_is_found(world: World) -> None:
    live_worker(world, slots=0)
    world.set_window(16)
    lost, _ = ids = world.add_many(2)
    world.feed()
    old(world, *ids)
    wanted = str(world.row(lost).celery_id).encode()
    key: Any = world.key()
    found: Any = sync_client().lrange(key, 0, -1)
    (entry,) = [entry for entry in found if wanted in entry]
    assert sync_client().lrem(key, 1, entry) == 1
    assert broken(world) == {"hint_lost": [str(lost)]}


def test_a_hint_that_was_sent_again_is_not_lost(world: World) -> None:
    live_worker(world, slots=0)
    world.set_window(16)
    (task_id,) = world.add_many(1)
    world.feed()
    old(world, task_id)
    sync_client().delete(*(world.key(level) for level in Priority))
    again = {"celery_id": uuid.uuid4()}
    assert broken(world, between=lambda: world.force(task_id, **again)) == {}


def test_more_hints_than_the_window_are_found(world: World) -> None:
    live_worker(world, slots=0)
    world.set_window(4)
    world.mark(*world.add_many(20))
    found = verify(world)
    assert [finding.rule for finding in found.findings if finding.rule != "hint_lost"] == ["window"]
    assert "20 are out, the window is 4" in found.findings[0].found


def test_a_window_that_has_shrunk_is_no_violation(world: World) -> None:
    live_worker(world, slots=0)
    world.set_window(20)
    ids = world.add_many(20)
    world.feed()
    old(world, *ids, seconds=30)
    world.set_window(4)
    assert broken(world) == {}


def test_more_messages_than_four_windows_are_found(world: World) -> None:
    live_worker(world, slots=0)
    world.set_window(4)
    world.add()
    world.feed()
    void = encode(
        Hint(NOOP, QUEUE, Priority.NORMAL, [HintRow(uuid.uuid4(), uuid.uuid4(), None, None)],
             1.0, "[]", "{}")
    )  # fmt: skip
    sync_client().lpush(world.key(), *[void] * 40)
    assert broken(world) == {"broker_lists": [QUEUE]}


# Parts


def test_a_worker_that_was_never_forgotten_is_found(world: World) -> None:
    live_worker(world)
    live_worker(world, "old")
    values = {"heartbeat_at": ago(world, 7200)}
    world.database.execute(update(Worker).where(Worker.name == "old").values(**values))
    assert broken(world) == {"stale_worker": ["old"]}


@pytest.mark.parametrize("lease_seconds", [60.0, -60.0, None])
def test_a_slot_that_passed_is_beats_fault_only_if_there_is_one(
    world: World, lease_seconds: float | None
) -> None:
    live_worker(world)
    if lease_seconds is not None:
        world.database.execute(leases.take_duty(BEAT_DUTY, "beat:1", lease_seconds))
    add_schedule(world, next_fire=ago(world, 60))
    report = verify(world)
    alive = lease_seconds == 60.0
    found = {finding.rule: finding.subjects for finding in report.findings}
    assert found == ({"schedule_late": ["nightly"]} if alive else {})
    assert bool(report.notes) is not alive
    assert all("nightly" in note for note in report.notes)


def add_schedule(world: World, **values: Any) -> None:
    """A schedule of the code, as a beat writes it."""
    said = {"definition": cron.interval(3600), "celery_task_name": NOOP, "task": {}}
    row = {"id": uuid.uuid4(), "name": "nightly", **said, **values}
    world.database.execute(schedules.add_static([row]))


def test_a_schedule_that_has_lost_its_next_slot_is_found(world: World) -> None:
    add_schedule(world)
    ended = cron.within(cron.interval(60), None, ago(world, 60))
    add_schedule(world, name="was to end", definition=ended)
    add_schedule(world, name="only once", definition=cron.once(ago(world, 60)))
    found = {finding.rule: finding.subjects for finding in verify(world).findings}
    assert found == {"schedule_ended": ["nightly"]}


def test_more_out_than_a_limit_lets_is_found(world: World) -> None:
    ids = world.add_many(3)
    world.mark(ids[0])
    lowered = limits.put(
        "task", NOOP, concurrency=1, rate_count=None, rate_seconds=None, by="op@example.org"
    )
    world.database.execute(lowered)
    world.mark(ids[1])
    assert broken(world) == {}  # what was out when it was lowered may be
    world.mark(ids[2])
    assert broken(world) == {"over_limit": [f"task:{NOOP}"]}
