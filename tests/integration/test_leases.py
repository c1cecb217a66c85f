"""Leases, and what agents write and read about workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.maintenance import prune
from app.queries import feed, leases, workers
from tests.support.world import QUEUE, World


def describe(world: World, name: str, **changes: Any) -> None:
    """An agent writes about one of its workers."""
    row = {
        "name": name,
        "host": "h",
        "pid": 1,
        "pool": "prefork",
        "queues": [QUEUE],
        "slots": 2,
        "running": [],
        "version": "1",
        "catalogue_hash": "x",
        "catalogue": ["a"],
        "cpu_percent": 0.0,
        "memory_bytes": 0,
        "stopping": False,
    }
    world.database.execute(leases.describe_worker(row | changes))


def live(world: World, silence: float = 30.0) -> list[str]:
    """Names of the workers that were heard of lately."""
    return [row.name for row in world.database.execute(leases.live_workers_values(silence)).all()]


def test_only_running_attempts_are_renewed(world: World) -> None:
    pairs = [world.running() for _ in range(3)]
    world.settle(pairs[1])
    renewed = world.database.execute(leases.renew(pairs, 60.0)).all()
    assert {(row.id, row.celery_id) for row in renewed} == {pairs[0], pairs[2]}
    assert world.row(pairs[0][0]).lease_until - world.now() > timedelta(seconds=50)
    assert world.row(pairs[1][0]).lease_until is None


def test_a_renewal_leaves_the_version_alone(world: World) -> None:
    pair = world.running()
    before = world.row(pair[0])
    world.database.execute(leases.renew([pair], 60.0))
    after = world.row(pair[0])
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


def test_a_missed_renewal_is_read_back(world: World) -> None:
    settled, taken = world.running(), world.running()
    world.settle(settled)
    world.force(taken[0], celery_id=settled[1])
    rows = world.database.execute(leases.read_back([settled, taken])).all()
    found = {row.id: (row.celery_id, row.status) for row in rows}
    assert found[settled[0]] == (settled[1], "succeeded")
    assert found[taken[0]][0] != taken[1]


def test_an_agent_finds_what_its_workers_must_stop(world: World) -> None:
    _, stopping, foreign = (world.running(worker=name) for name in ("w1", "w1", "w2"))
    for pair in (stopping, foreign):
        world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    told = world.database.execute(leases.cancels(["w1", "w3"])).all()
    assert [(row.id, row.cancel_reason) for row in told] == [(stopping[0], "cancelled")]


def test_only_leases_that_are_over_are_found(world: World) -> None:
    over, holds = world.running(), world.running()
    world.end_lease(over[0])
    assert [row.id for row in world.database.execute(leases.lease_over(10)).all()] == [over[0]]
    assert world.report(holds, 1)


def test_a_worker_is_described_again_and_again_in_one_row(world: World) -> None:
    describe(world, "w1", slots=2)
    describe(world, "w1", slots=4, running=["x"])
    rows = world.database.execute(workers.all_workers(30.0)).all()
    assert [(row.name, row.slots, row.running, row.live) for row in rows] == [
        ("w1", 4, ["x"], True)
    ]
    assert rows[0].started_at <= rows[0].heartbeat_at


def test_a_worker_is_live_while_it_is_heard_of(world: World) -> None:
    describe(world, "w1")
    assert live(world) == ["w1"]
    assert live(world, silence=-1) == []
    world.database.execute(leases.forget_worker("w1"))
    assert live(world) == []


def test_workers_silent_for_long_are_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(world, "w1")
    assert prune.run_once(world.database, 10).workers == 0
    monkeypatch.setattr(prune, "WORKER_SILENCE_SECONDS", -1.0)
    assert prune.run_once(world.database, 10).workers == 1


def test_the_window_that_agents_set_is_the_one_feeders_use(world: World) -> None:
    world.set_window(3)
    world.add_many(5)
    assert world.feed().rows == 3
    world.set_window(5)
    assert world.feed().rows == 2


def test_a_queue_is_made_once(world: World) -> None:
    for _ in range(2):
        world.database.execute(feed.ensure_queue("q"))
    with world.database.transaction() as connection:
        assert len(connection.execute(feed.lock_queue(), {"queue_name": "q"}).all()) == 1
