"""Broken waits of tasks for others are found, and those that nobody tells."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete

from app.maintenance import dependents
from app.models import Task
from tests.support.invariants import ago, broken, live_worker
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")


def finish(world: World, task_id: uuid.UUID) -> None:
    """Run a waiting task to its end."""
    world.mark(task_id)
    world.claim(world.pair(task_id))
    world.settle(world.pair(task_id))


def long_ago(world: World, task_id: uuid.UUID) -> None:
    """As if it had run and ended a minute ago."""
    names = ("completed_at", "started_at", "created_at")
    world.force(task_id, **{name: ago(world, 60 + n) for n, name in enumerate(names)})


def plant_early_rank(world: World) -> uuid.UUID:
    task_id = world.add_needing(world.add(countdown=3600))
    world.force(task_id, rank=1)
    return task_id


def plant_early_mark(world: World) -> uuid.UUID:
    task_id = world.add_needing(world.add(countdown=3600))
    world.force(task_id, dispatched_at=world.now(), dispatched_priority=2)
    return task_id


def plant_early_start(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    world.force(task_id, unmet_deps=1)
    return task_id


def plant_wrong_number(world: World) -> uuid.UUID:
    task_id = world.add_needing(world.add(countdown=3600))
    world.force(task_id, unmet_deps=2)
    return task_id


def plant_no_number(world: World) -> uuid.UUID:
    task_id = world.add_needing(world.add(countdown=3600))
    world.force(task_id, unmet_deps=0, ready_at=world.now() + timedelta(hours=1))
    return task_id


def plant_stuck(world: World) -> uuid.UUID:
    needed = world.add()
    task_id = world.add_needing(needed)
    finish(world, needed)
    world.force(needed, awaited=False)
    return task_id


def plant_needs_gone(world: World) -> uuid.UUID:
    needed = world.add()
    task_id = world.add_needing(needed, world.add(countdown=3600))
    world.database.execute(delete(Task).where(Task.id == needed))
    return task_id


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        ("early", plant_early_rank),
        ("early", plant_early_mark),
        ("early", plant_early_start),
        ("unmet_deps", plant_wrong_number),
        ("unmet_deps", plant_no_number),
        ("stuck", plant_stuck),
        ("needs_gone", plant_needs_gone),
    ],
)
def test_a_broken_wait_is_found(
    world: World, rule: str, plant: Callable[[World], uuid.UUID]
) -> None:
    live_worker(world)
    needed = world.add(countdown=3600)
    world.add_needing(world.add_needing(needed))
    task_id = plant(world)
    found = broken(world)
    found.pop("hint_lost", None)  # of a mark that no broker knows
    assert found == {rule: [str(task_id)]}


def test_waits_of_every_kind_that_are_sound_are_left_in_peace(world: World) -> None:
    live_worker(world)
    done, tolerated, later = world.add(), world.add(), world.add(countdown=3600)
    task_id = world.add_needing(done, later)
    world.add_needing(tolerated)
    cancelled = world.add_needing(later)
    world.force(cancelled, status="revoked", completed_at=world.now())
    finish(world, done)
    finish(world, tolerated)
    assert broken(world) == {}
    dependents.run_once(world.database, 100)
    assert world.row(task_id).unmet_deps == 1
    assert broken(world) == {}


def test_dependents_that_nobody_tells_are_found(world: World) -> None:
    live_worker(world)
    needed = world.add()
    task_id = world.add_needing(needed)
    finish(world, needed)
    long_ago(world, needed)
    assert broken(world) == {"not_told": [str(needed)]}
    assert broken(world, between=lambda: dependents.run_once(world.database, 100)) == {}
    assert world.row(task_id).unmet_deps == 0


def test_a_large_fan_out_that_is_being_told_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_worker(world)
    needed = world.add()
    for _ in range(9):
        world.add_needing(needed)
    finish(world, needed)
    long_ago(world, needed)
    assert broken(world, between=lambda: dependents.run_once(world.database, 1)) == {}
    assert world.row(needed).completed_at is not None
