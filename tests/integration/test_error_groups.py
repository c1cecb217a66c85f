"""Failures that are the same are counted once, whoever ended the attempt, and exactly."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, insert, select, text, update

from app.core.config import get_settings
from app.db import migrate, triggers
from app.db.base import dump_json
from app.db.session import Database
from app.domain.fingerprint import OTHER, Failure, failure_of
from app.domain.lifecycle import Reason, TaskStatus
from app.maintenance import grouping, rescue
from app.models import ErrorGroup, FailureNote, Task, TaskFailure
from app.queries import error_groups, external, removal
from app.services import attempts
from tests.support.environment import child_environment
from tests.support.failures import (
    disagreements,
    error,
    fail,
    group,
    groups,
    noted,
    numbers,
)
from tests.support.processes import ROOT
from tests.support.world import Pair, World

pytestmark = pytest.mark.usefixtures("no_feeder")

ADA, BOB = uuid.UUID(int=1), uuid.UUID(int=2)


def give_back(world: World, pair: Pair, reason: Reason = Reason.RETRY, **how: Any) -> None:
    settled = attempts.give_back(
        world.database, pair, wait_seconds=0, reason=reason, error=error(), **how
    )
    assert settled is not None


def claim_again(world: World, pair: Pair) -> Pair:
    world.mark(pair[0])
    (row,) = world.claim(world.pair(pair[0]))
    return row.id, row.celery_id


# What counts


def test_the_same_failure_is_one_group(world: World) -> None:
    first, *_, last = [fail(world, f"no order {number}") for number in range(4)]
    fail(world, "no order 5", "KeyError")
    group(world)
    assert numbers(world) == {"LookupError": (4, 4), "KeyError": (1, 1)}
    _, found = groups(world)
    assert (found.message, found.last_task_id) == ("no order 3", last[0])
    assert found.first_seen_at == world.row(first[0]).completed_at
    assert found.last_seen_at == world.row(last[0]).completed_at
    assert (found.resolved_at, found.regressed_at) == (None, None)
    assert disagreements(world.database) == []


def test_a_success_writes_no_note_and_a_failure_one(world: World) -> None:
    world.settle(world.running(), world.running())
    assert noted(world.database) == 0
    fail(world)
    assert noted(world.database) == 1


def test_every_failed_attempt_counts_and_its_task_once(world: World) -> None:
    pair = world.running(max_attempts=3)
    give_back(world, pair)
    pair = claim_again(world, pair)
    give_back(world, pair)
    group(world)
    assert numbers(world) == {"LookupError": (2, 1)}
    pair = claim_again(world, pair)
    world.settle(pair, status=TaskStatus.FAILED, error=dump_json(error("no order 5")))
    group(world)
    assert numbers(world) == {"LookupError": (3, 1)}
    assert disagreements(world.database) == []


def test_a_task_that_succeeds_in_the_end_has_failed_before(world: World) -> None:
    pair = world.running(max_attempts=2)
    give_back(world, pair)
    world.settle(claim_again(world, pair))
    group(world)
    assert numbers(world) == {"LookupError": (1, 1)}
    assert disagreements(world.database) == []


@pytest.mark.parametrize(
    ("cause", "max_attempts", "counted"),
    [
        ("crash", 1, {"worker_lost": (1, 1)}),
        ("crash", 2, {"worker_lost": (1, 1)}),
        ("suspect", 2, {"worker_lost": (1, 1)}),
        ("memory", 2, {"memory_limit": (1, 1)}),
        ("timeout", 1, {"timeout": (1, 1)}),
        ("neighbour", 2, {}),
        ("interrupt", 2, {}),
        ("interrupt", 1, {"interrupted": (1, 1)}),
    ],
)
def test_attempts_that_an_agent_ends(
    world: World, cause: Any, max_attempts: int, counted: dict[str, tuple[int, int]]
) -> None:
    pair = world.running(max_attempts=max_attempts)
    attempts.lose(world.database, pair, cause, "w1 was lost")
    group(world)
    assert numbers(world) == counted
    assert disagreements(world.database) == []


def test_waiting_for_a_better_time_is_no_failure(world: World) -> None:
    give_back(world, world.running(), spend_try=False)
    assert noted(world.database) == 0
    assert disagreements(world.database) == []


def test_a_cancelled_attempt_is_no_failure(world: World) -> None:
    pair = world.running(max_attempts=2)
    world.force(pair[0], cancel_requested_at=world.now(), cancel_reason="cancelled")
    give_back(world, pair)
    assert world.row(pair[0]).status == "revoked"
    world.settle(world.running(), status=TaskStatus.REVOKED)
    assert noted(world.database) == 0
    assert disagreements(world.database) == []


def test_what_a_rescue_and_an_executor_outside_end_counts(world: World) -> None:
    lost = world.running()
    world.end_lease(lost[0])
    rescue.run_once(world.database, 10)
    reported = world.running(worker="external:gpu")
    for told in (None, error(kind="gpu_gone")):
        changes = external.reported_outcome(TaskStatus.FAILED, None, told)
        world.database.execute(external.report_external(reported[0], 1, None, changes))
        reported = world.running(worker="external:gpu")
    group(world)
    assert numbers(world) == {"worker_lost": (1, 1), "(unknown)": (1, 1), "gpu_gone": (1, 1)}
    assert disagreements(world.database) == []


def test_what_never_started_has_not_failed(world: World) -> None:
    task_id = world.add()
    world.force(task_id, status="failed", completed_at=world.now(), error=error())
    waiting = world.running(max_attempts=2)
    give_back(world, waiting)
    world.force(waiting[0], status="failed", completed_at=world.now(), error=error(kind="reject"))
    group(world)
    assert numbers(world) == {"LookupError": (1, 1)}
    assert disagreements(world.database) == []


@pytest.mark.parametrize(
    "told",
    [
        error("NUL \x00 and all", kind="Odd\x00", traceback='  File "a\x00.py", line 1, in f\n'),
        error("m" * 100_000, traceback="t" * 100_000),
        {"type": 1, "message": ["x"], "traceback": 2},
        ["no", "object"],
        "text",
    ],
)
def test_whatever_an_error_holds_it_is_counted(world: World, told: Any) -> None:
    pair = world.running()
    world.settle(pair, status=TaskStatus.FAILED, error=dump_json(told))
    # As somebody has left it who writes rows by hand.
    world.force(pair[0], completed_at=None)
    group(world)
    (found,) = groups(world)
    assert (found.failures, found.last_seen_at) == (1, world.row(pair[0]).updated_at)
    assert len(found.message) + len(found.traceback or "") < 40_000


# Whose


def test_owners_have_groups_of_their_own(world: World) -> None:
    fail(world, "no order 1", user_id=ADA)
    fail(world, "no order 2", user_id=ADA)
    fail(world, "no order 3", user_id=BOB)
    fail(world, "no order 4")
    group(world)
    assert numbers(world) == {"LookupError": (4, 4)}
    assert numbers(world, ADA) == {"LookupError": (2, 2)}
    assert numbers(world, BOB) == {"LookupError": (1, 1)}
    (adas,) = groups(world, ADA)
    assert adas.message == "no order 2"
    assert disagreements(world.database) == []


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_flood_of_errors_fills_a_bounded_number_of_groups(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(grouping, "GROUPS_OF_OWNER", 3)
    monkeypatch.setattr(grouping, "GROUPS_OF_EVERYBODY", 5)
    monkeypatch.setattr(grouping, "BATCH", batch)
    for number in range(6):
        fail(world, kind=f"Error{number}", user_id=ADA)
    fail(world, kind="Error0", user_id=ADA)
    fail(world, kind="BobsOwn", user_id=BOB)
    group(world)
    kept = {"Error0": (2, 2), "Error1": (1, 1), "Error2": (1, 1), OTHER: (3, 3)}
    assert numbers(world, ADA) == kept
    assert numbers(world, BOB) == {"BobsOwn": (1, 1)}
    assert numbers(world) == {**kept, "BobsOwn": (1, 1)}
    assert disagreements(world.database) == []


# Dealt with, and back


def resolve(world: World) -> None:
    (found,) = groups(world)
    world.database.execute(error_groups.resolve_if_open(found.id, None, "op@x.org"))


def test_a_resolved_failure_that_comes_back_is_open_and_says_so(world: World) -> None:
    fail(world, user_id=ADA)
    group(world)
    resolve(world)
    (found,) = groups(world)
    assert (found.resolved_by, found.regressed_at) == ("op@x.org", None)
    assert groups(world, ADA)[0].resolved_at is None, "each has a state of its own"
    again = fail(world, user_id=ADA)
    group(world)
    (found,) = groups(world)
    assert (found.resolved_at, found.resolved_by) == (None, None)
    assert found.regressed_at == world.row(again[0]).completed_at
    assert groups(world, ADA)[0].regressed_at is None


def test_a_failure_from_before_is_no_reason_to_open_it(world: World) -> None:
    fail(world)
    group(world)
    late = fail(world)
    # On SQLite the clock has milliseconds.
    world.force(late[0], completed_at=world.now() - timedelta(seconds=1))
    resolve(world)
    group(world)
    (found,) = groups(world)
    assert found.resolved_at is not None
    assert (found.failures, found.regressed_at) == (2, None)


def test_what_is_counted_late_is_not_the_latest(world: World) -> None:
    new, old = fail(world, "new"), fail(world, "old")
    world.force(old[0], completed_at=world.now() - timedelta(hours=1))
    world.database.execute(update(Task).values(error=error("the same")))
    group(world)
    (found,) = groups(world)
    assert found.last_task_id == new[0]
    assert found.first_seen_at == world.row(old[0]).completed_at
    assert found.last_seen_at == world.row(new[0]).completed_at


# What is gone


def test_a_deleted_task_is_counted_no_more(world: World) -> None:
    kept, gone = fail(world, user_id=ADA), fail(world, user_id=ADA)
    group(world)
    world.database.execute(removal.remove_if_not_running([gone[0]], None))
    assert disagreements(world.database) == [], "that it will be is noted"
    group(world)
    assert numbers(world) == numbers(world, ADA) == {"LookupError": (1, 1)}
    world.database.execute(removal.remove_if_not_running([kept[0]], None))
    group(world)
    assert numbers(world) == {"LookupError": (0, 0)}
    assert (noted(world.database), disagreements(world.database)) == (0, [])


def test_a_task_that_goes_before_it_is_counted_is_not(world: World) -> None:
    gone = fail(world)
    world.database.execute(removal.remove_if_not_running([gone[0]], None))
    group(world)
    assert (groups(world), noted(world.database), disagreements(world.database)) == ([], 0, [])


def test_a_success_that_goes_writes_no_note(world: World) -> None:
    pair = world.running()
    world.settle(pair)
    world.database.execute(removal.remove_if_not_running([pair[0]], None))
    world.database.execute(removal.remove_if_not_running([world.add()], None))
    assert noted(world.database) == 0


def test_a_table_that_is_emptied_has_no_failures(world: World) -> None:
    fail(world)
    group(world)
    world.database.execute(
        text("DELETE FROM tasks" if get_settings().is_sqlite else "TRUNCATE tasks CASCADE")
    )
    group(world)
    assert numbers(world) == {"LookupError": (0, 0)}
    assert disagreements(world.database) == []


def test_a_group_goes_when_nothing_has_been_in_it_for_the_time_of_retention(world: World) -> None:
    pairs = {kind: fail(world, kind=kind) for kind in ("Young", "Old", "OldWithATask")}
    for kind in ("Old", "OldWithATask"):
        world.force(pairs[kind][0], completed_at=world.now() - timedelta(days=40))
    group(world)
    gone = [pairs[kind][0] for kind in ("Young", "Old")]
    world.database.execute(removal.remove_finished(gone))
    group(world)
    grouping.forget(world.database)
    assert numbers(world) == {"OldWithATask": (1, 1), "Young": (0, 0)}


def test_groups_are_kept_for_ever_where_tasks_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "0")
    get_settings.cache_clear()
    pair = fail(world)
    world.force(pair[0], completed_at=world.now() - timedelta(days=4000))
    group(world)
    world.database.execute(removal.remove_finished([pair[0]]))
    group(world)
    grouping.forget(world.database)
    assert numbers(world) == {"LookupError": (0, 0)}


# Exactly


def test_a_grouping_that_is_killed_half_way_has_done_nothing(world: World, tmp_path: Path) -> None:
    fail(world)
    code = (
        "import os, signal\n"
        "from app.db.session import Database\n"
        "from app.maintenance import grouping\n"
        "grouping._forget = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "grouping.run_once(Database(), 100)\n"
    )
    env = child_environment(tmp_path, DATABASE_URL=get_settings().database_url)
    killed = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (noted(world.database), groups(world)) == (1, [])
    group(world)
    assert numbers(world) == {"LookupError": (1, 1)}


def test_what_another_one_has_taken_meanwhile_is_not_counted_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(world)
    other = Database()

    def overtaken(*given: Any) -> Failure:
        monkeypatch.undo()
        grouping.run_once(other, 100)
        return failure_of(*given)

    monkeypatch.setattr(grouping, "failure_of", overtaken)
    group(world)
    other.close()
    assert numbers(world) == {"LookupError": (1, 1)}
    assert disagreements(world.database) == []


def busy(stop: threading.Event, seed: int) -> None:
    """Somebody whose tasks fail, are tried again and removed at random."""
    chance, world = random.Random(seed), World()
    owner = uuid.uuid4() if seed % 2 else None
    while not stop.is_set():
        pairs = [world.running(user_id=owner, max_attempts=2) for _ in range(3)]
        told = dump_json(error(kind=f"E{chance.randrange(3)}"))
        world.settle(pairs[0], status=TaskStatus.FAILED, error=told)
        give_back(world, pairs[1])
        world.settle(pairs[2])
        gone = chance.choice(pairs)[0]
        world.database.execute(removal.remove_if_not_running([gone], owner))
    world.close()


def grouped_again(stop: threading.Event) -> None:
    database = Database()
    while not stop.is_set():
        grouping.run_once(database, 7)
    database.close()


@pytest.mark.timeout(180)
def test_groups_are_exact_while_many_fail_and_two_group(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "BATCH", 7)
    stop = threading.Event()
    threads = [threading.Thread(target=busy, args=(stop, seed)) for seed in range(3)]
    threads += [threading.Thread(target=grouped_again, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    looks, until = 0, time.monotonic() + 4
    try:
        while time.monotonic() < until:
            assert disagreements(world.database) == []
            looks += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert looks > 5
    group(world)
    assert (noted(world.database), disagreements(world.database)) == (0, [])
    failed = world.statuses()["failed"]
    assert failed > 3
    assert sum(failures for failures, _ in numbers(world).values()) >= failed


# Wrong all the same


def damage_failures(world: World, task_id: uuid.UUID) -> None:
    world.database.execute(delete(TaskFailure).where(TaskFailure.task_id == task_id))


def damage_numbers(world: World, task_id: uuid.UUID) -> None:
    world.database.execute(update(ErrorGroup).values(failures=7, tasks=9))


def damage_groups(world: World, task_id: uuid.UUID) -> None:
    world.database.execute(delete(ErrorGroup).where(ErrorGroup.owner == ADA))


def lose_a_note(world: World, task_id: uuid.UUID) -> None:
    fail(world, user_id=ADA)
    world.database.execute(delete(FailureNote))


def note_twice(world: World, task_id: uuid.UUID) -> None:
    fail(world, user_id=ADA)
    note = select(FailureNote.task_id, FailureNote.attempt)
    world.database.execute(insert(FailureNote).from_select(["task_id", "attempt"], note))


def remove_without_triggers(world: World, task_id: uuid.UUID) -> None:
    with world.database.transaction() as connection:
        triggers.remove(connection, "failure_notes")
    world.database.execute(removal.remove_if_not_running([task_id], None))
    with world.database.transaction() as connection:
        triggers.install(connection)


@pytest.mark.parametrize(
    "damage",
    [damage_failures, damage_numbers, damage_groups, lose_a_note, note_twice,
     remove_without_triggers],
)  # fmt: skip
def test_what_went_wrong_is_counted_anew(
    world: World, damage: Callable[[World, uuid.UUID], None]
) -> None:
    victim, _ = fail(world, user_id=ADA), fail(world, user_id=ADA)
    retried = world.running(max_attempts=2, user_id=ADA)
    give_back(world, retried)
    group(world)
    damage(world, victim[0])
    assert disagreements(world.database) != []
    assert grouping.recount(world.database) > 0
    assert disagreements(world.database) == []
    rows = world.statuses()["failed"] + 1
    assert numbers(world) == numbers(world, ADA) == {"LookupError": (rows, rows)}
    assert grouping.recount(world.database) == 0


def test_failures_from_before_the_upgrade_are_counted(world: World) -> None:
    fail(world)
    world.close()
    # With it goes all that was noted of the failure, which is as it was left by the version before.
    command.downgrade(migrate._config(), "20261125_unique_keys")
    assert migrate.upgrade().state == "current"
    fail(world)
    assert noted(world.database) == 2
    group(world)
    assert numbers(world) == {"LookupError": (2, 2)}
    assert disagreements(world.database) == []


def test_attempts_from_before_the_upgrade_have_failed_or_not(world: World) -> None:
    later = error(kind="app.worker.signals.RetryLater")
    for told, reason in (
        (error(), Reason.RETRY),
        (later, Reason.RETRY),
        (error(), Reason.INTERRUPTED),
    ):
        pair = world.running(max_attempts=2)
        attempts.give_back(world.database, pair, wait_seconds=0, reason=reason, error=told)
    world.close()
    command.downgrade(migrate._config(), "20261125_unique_keys")
    assert migrate.upgrade().state == "current"
    group(world)
    assert numbers(world) == {"LookupError": (1, 1)}
    assert disagreements(world.database) == []
