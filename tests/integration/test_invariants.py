"""Each broken invariant is found where it was planted, and a sound system is left in peace."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update

from app.core.broker import sync_client
from app.core.config import get_settings
from app.db import triggers
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode
from app.maintenance import dependents, entries, fold, invariants
from app.maintenance.invariants import RULES, Report, Times, rows
from app.models import Schedule, Task, TaskAttempt, Worker
from app.queries import counting, leases, tasks
from app.queries import entries as entry_queries
from app.queries import queues as queue_queries
from app.queries.invariants import Margins
from app.queries.schedules import BEAT_DUTY
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from app.services.inserting import insertion
from app.services.steps import carry_out_on
from tests.support.world import NOOP, QUEUE, World

# Next to no time to put things right; the looks do not really wait.
AT_ONCE = Times(
    Margins(1, 1, 1, 1), silence=30, feed=20, resend=20, take=20, forget=60, fire=1, tell=3, gone=3
)


@pytest.fixture(autouse=True)
def no_feeder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows stay where a test puts them."""
    monkeypatch.setattr("app.dispatch.wake", lambda queue: None)


def verify(world: World, between: Callable[[], object] = lambda: None) -> Report:
    """One run; `between` happens where it would wait for its second look."""
    return invariants.run_once(world.database, times=AT_ONCE, sleep=lambda _: between())


def broken(world: World, between: Callable[[], object] = lambda: None) -> dict[str, list[str]]:
    """What was reported: subjects by rule."""
    report = verify(world, between)
    assert {finding.rule for finding in report.findings} | set(report.held) == set(RULES)
    for finding in report.findings:
        assert len(finding.cure) > 20
        assert all(subject in finding.found for subject in finding.subjects[:5])
    return {finding.rule: finding.subjects for finding in report.findings}


def live_worker(world: World, name: str = "w1", slots: int = 2, **fields: Any) -> str:
    """A worker that its agent has just described."""
    row = {
        "name": name, "host": "h", "pid": 1, "pool": "prefork", "queues": [QUEUE],
        "slots": slots, "running": [], "version": "1", "catalogue_hash": "x", "catalogue": [NOOP],
        "cpu_percent": 0.0, "memory_bytes": 0, "stopping": False, **fields,
    }  # fmt: skip
    world.database.execute(leases.describe_worker(row))
    return name


def ago(world: World, seconds: float) -> Any:
    """A moment of the database's clock."""
    return world.now() - timedelta(seconds=seconds)


def ended(world: World, status: TaskStatus = TaskStatus.SUCCEEDED, **fields: Any) -> uuid.UUID:
    """A task with a finished attempt."""
    pair = world.running(**fields)
    world.settle(pair, status=status)
    return pair[0]


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


# Waits for others


def waiting(world: World, *needed: uuid.UUID) -> uuid.UUID:
    """A task that waits for these."""
    task = NewTask(name="n", task_type="t", celery_task_name=NOOP, depends_on=needed)
    row = build_row(task, catalogue())
    with world.database.transaction() as connection:
        carry_out_on(connection, insertion([row], None))
    return uuid.UUID(str(row["id"]))


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
    task_id = waiting(world, world.add(countdown=3600))
    world.force(task_id, rank=1)
    return task_id


def plant_early_mark(world: World) -> uuid.UUID:
    task_id = waiting(world, world.add(countdown=3600))
    world.force(task_id, dispatched_at=world.now(), dispatched_priority=2)
    return task_id


def plant_early_start(world: World) -> uuid.UUID:
    task_id, _ = world.running()
    world.force(task_id, unmet_deps=1)
    return task_id


def plant_wrong_number(world: World) -> uuid.UUID:
    task_id = waiting(world, world.add(countdown=3600))
    world.force(task_id, unmet_deps=2)
    return task_id


def plant_no_number(world: World) -> uuid.UUID:
    task_id = waiting(world, world.add(countdown=3600))
    world.force(task_id, unmet_deps=0, ready_at=world.now() + timedelta(hours=1))
    return task_id


def plant_stuck(world: World) -> uuid.UUID:
    needed = world.add()
    task_id = waiting(world, needed)
    finish(world, needed)
    world.force(needed, awaited=False)
    return task_id


def plant_needs_gone(world: World) -> uuid.UUID:
    needed = world.add()
    task_id = waiting(world, needed, world.add(countdown=3600))
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
    waiting(world, waiting(world, needed))
    task_id = plant(world)
    found = broken(world)
    found.pop("hint_lost", None)  # of a mark that no broker knows
    assert found == {rule: [str(task_id)]}


def test_waits_of_every_kind_that_are_sound_are_left_in_peace(world: World) -> None:
    live_worker(world)
    done, tolerated, later = world.add(), world.add(), world.add(countdown=3600)
    task_id = waiting(world, done, later)
    waiting(world, tolerated)
    cancelled = waiting(world, later)
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
    task_id = waiting(world, needed)
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
        waiting(world, needed)
    finish(world, needed)
    long_ago(world, needed)
    assert broken(world, between=lambda: dependents.run_once(world.database, 1)) == {}
    assert world.row(needed).completed_at is not None


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
    assert broken(world) == {"counts": ["all lost"]}


def test_counts_that_do_not_agree_with_the_rows_are_found(world: World) -> None:
    live_worker(world)
    owner = uuid.uuid4()
    ended(world, user_id=owner)
    fold.run_once(world.database, 100)
    assert broken(world) == {}
    # By somebody who has disabled triggers.
    wrong = {"owner": owner, "status": "succeeded", "number": 3}
    world.database.execute(counting.add_to_count(), wrong)
    assert broken(world) == {"counts": [f"{owner} succeeded"]}
    fold.recount(world.database)
    assert broken(world) == {}


def test_lists_that_do_not_agree_with_the_tasks_are_found(world: World) -> None:
    live_worker(world)
    kept, dropped, gone = (ended(world) for _ in range(3))
    assert broken(world) == {}
    # By somebody who has disabled triggers.
    with world.database.transaction() as connection:
        triggers.remove(connection, "task_entries")
    world.force(kept, queue="lane")
    world.database.execute(tasks.remove_if_not_running(gone, None))
    world.database.execute(entry_queries.forget([dropped]))
    with world.database.transaction() as connection:
        triggers.install(connection)
    found = broken(world)
    assert {rule: sorted(subjects) for rule, subjects in found.items()} == {
        "unlisted": sorted(map(str, (kept, dropped, gone)))
    }
    entries.mend(world.database)
    assert broken(world) == {}


def test_a_fold_that_does_not_keep_up_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_UNFOLDED", 4)
    world.add_many(5)
    assert broken(world) == {}, "nobody is there to fold"
    live_worker(world)
    assert broken(world) == {"not_folded": ["task_deltas"]}
    fold.run_once(world.database, 100)
    assert broken(world) == {}


# Queues


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
    world.database.execute(
        insert(Schedule).values(
            name="nightly", source="static", definition={}, next_fire=ago(world, 60)
        )
    )
    report = verify(world)
    alive = lease_seconds == 60.0
    found = {finding.rule: finding.subjects for finding in report.findings}
    assert found == ({"schedule_late": ["nightly"]} if alive else {})
    assert bool(report.notes) is not alive
    assert all("nightly" in note for note in report.notes)


def test_every_rule_has_a_test() -> None:
    source = Path(__file__).read_text()
    assert [rule for rule in RULES if f'"{rule}"' not in source] == []
