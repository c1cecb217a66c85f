"""Each broken invariant is found where it was planted, and a sound system is left in peace.

Those of rows and counts; queues and the rest are in a file of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from app.core.config import get_settings
from app.domain.lifecycle import TaskStatus
from app.maintenance.invariants import RULES, rows
from app.models import TaskAttempt
from tests.support.invariants import ago, broken, ended, live_worker, verify
from tests.support.world import World


@pytest.fixture(autouse=True)
def no_feeder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows stay where a test puts them."""
    monkeypatch.setattr("app.dispatch.wake", lambda queue: None)


# A sound system


def test_a_system_that_works_breaks_nothing(world: World) -> None:
    live_worker(world)
    world.set_window(16)
    ended(world)
    ended(world, TaskStatus.FAILED)
    world.running()
    world.add_many(3)
    world.add(countdown=60)
    world.feed()
    report = verify(world)
    assert report.findings == []
    assert report.notes == []


def test_an_empty_database_breaks_nothing(world: World) -> None:
    report = verify(world)
    assert report.findings == []
    assert "no worker is alive" in report.notes[0]


def test_what_is_gone_at_the_second_look_is_not_reported(world: World) -> None:
    live_worker(world)
    task_id, _ = pair = world.running()
    world.force(task_id, lease_until=ago(world, 60))
    assert broken(world, between=lambda: world.settle(pair)) == {}


# Rows


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


# Counts


@pytest.fixture
def unchecked(world: World) -> Iterator[None]:
    """A database that takes any status."""
    sqlite = get_settings().is_sqlite
    world.database.execute(
        text("PRAGMA ignore_check_constraints = ON")
        if sqlite
        else text("ALTER TABLE tasks DROP CONSTRAINT ck_tasks_status_known")
    )
    yield
    if sqlite:
        world.database.execute(text("PRAGMA ignore_check_constraints = OFF"))


@pytest.mark.usefixtures("unchecked")
def test_a_task_that_no_status_counts_is_found(world: World) -> None:
    live_worker(world)
    world.force(ended(world), status="lost")
    assert broken(world) == {"counts": ["total"]}


def test_every_rule_has_a_test() -> None:
    files = Path(__file__).parent.glob("test_invariants*.py")
    source = "".join(file.read_text() for file in files)
    assert [rule for rule in RULES if f'"{rule}"' not in source] == []
