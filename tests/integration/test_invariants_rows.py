"""Rows that are broken by themselves are found, each where it was planted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.domain.lifecycle import TaskStatus
from app.maintenance.invariants import rows
from app.models import TaskAttempt
from tests.support.invariants import ago, broken, ended, live_worker, verify
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder")


def plant_lease(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    world.force(task_id, lease_until=ago(world, 60))
    return task_id


def plant_no_lease(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    world.force(task_id, lease_until=None)
    return task_id


def plant_stranger(world: World) -> uuid.UUID:
    return world.running(worker="nobody")[0]


def plant_deaf_to_cancel(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    world.force(task_id, cancel_requested_at=ago(world, 60))
    return task_id


def forced(**values: Any) -> Callable[[World], uuid.UUID]:
    """A succeeded task, then made wrong."""

    def plant(world: World) -> uuid.UUID:
        task_id = ended(world)
        world.force(task_id, **values)
        return task_id

    return plant


def plant_lease_after_the_end(world: World) -> uuid.UUID:
    task_id = ended(world)
    world.force(task_id, lease_until=world.now() + timedelta(seconds=30))
    return task_id


def plant_mark_without_a_start(world: World) -> uuid.UUID:
    task_id = world.add()
    world.force(
        task_id, status="revoked", completed_at=world.now(), dispatched_at=world.now(),
    )  # fmt: skip
    return task_id


def plant_late_start(world: World) -> uuid.UUID:
    task_id = ended(world)
    world.force(task_id, started_at=world.now() + timedelta(seconds=60))
    return task_id


def plant_early_acknowledgement(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    values = {"cancel_requested_at": world.now(), "cancel_acknowledged_at": ago(world, 60)}
    world.force(task_id, **values)
    return task_id


def plant_revoked_after_a_start(world: World) -> uuid.UUID:
    task_id = ended(world, TaskStatus.REVOKED)
    world.force(task_id, attempt=0, tries=0, dispatched_at=None)
    return task_id


def plant_future_attempt(world: World) -> uuid.UUID:
    task_id = ended(world)
    archived = {"celery_id": uuid.uuid4(), "outcome": "retry"}
    moments = {"started_at": world.now(), "ended_at": world.now()}
    world.database.execute(
        insert(TaskAttempt).values(task_id=task_id, attempt=2, **archived, **moments)
    )
    return task_id


def plant_expired(world: World) -> uuid.UUID:
    task_id = world.add(countdown=3600)
    world.force(task_id, expires_at=ago(world, 60))
    return task_id


def plant_undeleted(world: World) -> uuid.UUID:
    task_id = ended(world)
    world.force(task_id, delete_requested_at=ago(world, 60))
    return task_id


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        ("lease_over", plant_lease),
        ("no_holder", plant_no_lease),
        ("unknown_worker", plant_stranger),
        ("not_stopped", plant_deaf_to_cancel),
        ("leftovers", plant_lease_after_the_end),
        ("leftovers", plant_mark_without_a_start),
        ("leftovers", forced(completed_at=None)),
        ("leftovers", forced(progress=99.0)),
        ("counters", forced(tries=2)),
        ("counters", forced(tries=2, attempt=2)),
        ("counters", forced(crash_count=4, attempt=9)),
        ("times", plant_late_start),
        ("times", plant_early_acknowledgement),
        ("never_started", plant_revoked_after_a_start),
        ("history", plant_future_attempt),
        ("expired", plant_expired),
        ("not_deleted", plant_undeleted),
    ],
)
def test_a_broken_row_is_found(
    world: World, rule: str, plant: Callable[[World], uuid.UUID]
) -> None:
    live_worker(world)
    task_id = plant(world)
    ended(world)
    assert broken(world) == {rule: [str(task_id)]}


def test_many_rows_of_one_kind_are_one_finding(world: World) -> None:
    live_worker(world)
    ids = [str(plant_lease(world)) for _ in range(7)]
    (finding,) = verify(world).findings
    assert finding.subjects == sorted(ids)
    assert "and 2 more" in finding.found


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_large_table_is_read_in_pages(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(rows, "PAGE", size)
    live_worker(world)
    ids = [str(plant_lease(world)) for _ in range(4)]
    assert broken(world) == {"lease_over": ids}


def test_executors_outside_celery_have_no_worker_row(world: World) -> None:
    live_worker(world)
    world.running(worker="external:gpu")
    assert broken(world) == {}


def test_a_stop_on_threads_may_take_its_time(world: World) -> None:
    live_worker(world, pool="threads")
    plant_deaf_to_cancel(world)
    assert broken(world) == {}
