"""What is counted is what there is, at every moment and by whatever road it came about."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import func, select, text

from app.core.config import get_settings
from app.db import migrate, triggers
from app.db.engines import sync_engine
from app.db.session import Database
from app.domain.lifecycle import Reason, TaskStatus
from app.maintenance import fold
from app.models import TaskDelta
from app.queries import counting, feed, leases, removal, tasks
from app.services import attempts
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from tests.support.databases import on_postgresql
from tests.support.environment import child_environment
from tests.support.ledger import counted, folded, there_are
from tests.support.processes import ROOT
from tests.support.world import NOOP, World

pytestmark = pytest.mark.usefixtures("no_feeder")

ERROR = {"type": "E", "message": "m", "traceback": None, "attempt": 1}


def unfolded(world: World) -> int:
    """Deltas that wait."""
    return int(world.database.execute(counting.unfolded()).one()[0])


def fold_all(world: World) -> None:
    fold.run_once(world.database, 1_000_000)
    assert unfolded(world) == 0


def differences(world: World) -> list[Any]:
    return list(world.database.execute(counting.differences(100)).all())


@pytest.fixture(params=["unfolded", "folded"])
def settled(request: pytest.FixtureRequest, world: World) -> Callable[[], None]:
    """What has happened before the counts are looked at."""
    return (lambda: fold_all(world)) if request.param == "folded" else (lambda: None)


# Roads


def test_every_status_is_counted(world: World, settled: Callable[[], None]) -> None:
    world.add_many(3)
    world.running()
    for status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.REVOKED):
        world.settle(world.running(), status=status)
    settled()
    assert counted(world.database) == {
        "pending": 3, "running": 1, "succeeded": 1, "failed": 1, "revoked": 1,
    }  # fmt: skip
    assert differences(world) == []


def test_an_owners_tasks_are_counted_by_themselves(
    world: World, settled: Callable[[], None]
) -> None:
    ada, bob = uuid.uuid4(), uuid.uuid4()
    world.add(user_id=ada)
    world.running(user_id=ada)
    world.settle(world.running(user_id=bob))
    world.add()
    settled()
    for owner in (ada, bob, uuid.uuid4(), None):
        assert counted(world.database, owner) == there_are(world.database, owner)
    assert differences(world) == []


def test_what_goes_back_to_the_queue_stays_one_task(
    world: World, settled: Callable[[], None]
) -> None:
    pair = world.running(max_attempts=3)
    attempts.give_back(world.database, pair, wait_seconds=0, reason=Reason.RETRY, error=ERROR)
    settled()
    assert counted(world.database) == there_are(world.database)


def test_what_is_removed_is_counted_no_more(world: World, settled: Callable[[], None]) -> None:
    first, second, third = world.add_many(3)
    world.database.execute(removal.remove_if_not_running([first], None))
    world.database.execute(tasks.cancel_if_pending([second], None))
    fold_all(world)
    world.database.execute(removal.remove_if_not_running([second], None))
    settled()
    assert counted(world.database) == there_are(world.database)
    assert counted(world.database)["pending"] == 1
    assert not world.gone(third)
    assert differences(world) == []


def test_rows_that_retention_removes_are_counted_no_more(
    world: World, settled: Callable[[], None]
) -> None:
    pairs = [world.running() for _ in range(4)]
    world.settle(*pairs)
    settled()
    with world.database.transaction() as connection:
        ids = [row.id for row in connection.execute(leases.lock_finished_before(-3600, 3))]
        removed = connection.execute(removal.remove_finished(ids)).all()
    assert len(removed) == 3
    assert counted(world.database)["succeeded"] == 1
    settled()
    assert differences(world) == []


def test_statements_of_another_version_are_counted(
    world: World, settled: Callable[[], None]
) -> None:
    ids = world.add_many(4)
    settled()
    for statement in (
        "UPDATE tasks SET status = 'failed'",
        "UPDATE tasks SET status = 'pending', completed_at = NULL",
    ):
        world.database.execute(text(statement))
        assert differences(world) == []
        assert counted(world.database) == there_are(world.database)
    world.force(ids[0], status="running")
    world.force(ids[1], status="revoked")
    world.database.execute(text("DELETE FROM tasks WHERE status = 'revoked'"))
    settled()
    assert counted(world.database) == there_are(world.database)
    world.database.execute(text("DELETE FROM tasks"))
    settled()
    assert sum(counted(world.database).values()) == 0
    assert differences(world) == []


# SQLite has no TRUNCATE; a DELETE without WHERE is in the test above.
@on_postgresql
def test_a_table_that_is_emptied_at_once_has_no_tasks(world: World) -> None:
    world.add_many(3)
    fold_all(world)
    world.running()
    world.database.execute(text("TRUNCATE tasks CASCADE"))
    assert sum(counted(world.database).values()) == 0
    fold_all(world)
    assert differences(world) == []


# What it costs


def test_what_changes_no_status_appends_nothing(world: World) -> None:
    pair = world.running()
    waiting = world.add()
    fold_all(world)
    world.report(pair, 50.0)
    world.database.execute(leases.renew([pair], 30))
    world.mark(waiting)
    world.database.execute(feed.unmark([world.pair(waiting)]))
    world.force(pair[0], status="running")
    assert unfolded(world) == 0


def test_a_start_appends_nothing_and_is_counted(world: World) -> None:
    waiting = world.add()
    fold_all(world)
    world.mark(waiting)
    world.claim(world.pair(waiting))
    assert unfolded(world) == 0
    assert counted(world.database)["running"] == 1


def test_postgresql_adds_up_what_one_statement_makes_or_removes(world: World) -> None:
    new = [NewTask(name="n", task_type="t", celery_task_name=NOOP) for _ in range(50)]
    rows = [build_row(each, catalogue()) for each in new]
    world.database.execute(tasks.insert_tasks(rows))
    few = 50 if get_settings().is_sqlite else 2  # the hour may have changed meanwhile
    assert 1 <= unfolded(world) <= few
    fold_all(world)
    world.database.execute(text("DELETE FROM tasks"))
    assert unfolded(world) == (50 if get_settings().is_sqlite else 1)


# The fold


def test_a_second_fold_finds_nothing(world: World) -> None:
    world.settle(world.running())
    fold_all(world)
    before = folded(world.database)
    assert fold.run_once(world.database, 100) == fold.FoldReport()
    assert folded(world.database) == before


def test_more_than_a_batch_is_folded_in_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "BATCH", 3)
    world.add_many(8)
    assert fold.run_once(world.database, 3) == fold.FoldReport(3, 1)
    assert differences(world) == []
    assert fold.run_once(world.database, 100) == fold.FoldReport(5)
    assert counted(world.database)["pending"] == 8
    assert differences(world) == []


def test_a_fold_that_fails_half_way_has_done_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle(world.running())
    waiting = unfolded(world)

    def fail(*args: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(fold, "_add_figures", fail)
        with pytest.raises(RuntimeError):
            fold.run_once(world.database, 100)
    assert (unfolded(world), folded(world.database)) == (waiting, {})
    assert differences(world) == []
    fold_all(world)
    assert differences(world) == []


def test_a_fold_that_is_killed_half_way_has_done_nothing(world: World, tmp_path: Path) -> None:
    world.settle(world.running())
    waiting = unfolded(world)
    code = (
        "import os, signal\n"
        "from app.db.session import Database\n"
        "from app.maintenance import fold\n"
        "fold._add_figures = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "fold.run_once(Database(), 100)\n"
    )
    env = child_environment(tmp_path, DATABASE_URL=get_settings().database_url)
    killed = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (unfolded(world), folded(world.database)) == (waiting, {})
    fold_all(world)
    assert differences(world) == []


# SQLite has one writer at a time.
@on_postgresql
def test_a_change_that_is_not_committed_comes_later(world: World) -> None:
    task_id = world.add()
    with world.database.transaction() as connection:
        connection.execute(tasks.cancel_if_pending([task_id], None))
        world.add()
        other = Database()
        assert fold.run_once(other, 100) == fold.FoldReport(2)
        assert other.execute(counting.differences(10)).all() == []
        other.close()
    assert counted(world.database)["revoked"] == 1
    fold_all(world)
    assert differences(world) == []


def busy(stop: threading.Event, seed: int) -> None:
    """Somebody who creates, runs, cancels and removes tasks at random."""
    chance, world = random.Random(seed), World()
    owner = uuid.uuid4() if seed % 2 else None
    while not stop.is_set():
        pairs = [world.running(user_id=owner, task_type=f"t{seed}") for _ in range(3)]
        kept = chance.sample(pairs, 2)
        world.settle(*kept, status=chance.choice([TaskStatus.SUCCEEDED, TaskStatus.FAILED]))
        ids = world.add_many(2, user_id=owner)
        world.database.execute(tasks.cancel_if_pending([ids[0]], owner))
        gone = chance.choice([*ids, *(task_id for task_id, _ in kept)])
        world.database.execute(removal.remove_if_not_running([gone], owner))
    world.close()


def folding(stop: threading.Event) -> None:
    database = Database()
    while not stop.is_set():
        fold.run_once(database, 7)
    database.close()


@pytest.mark.timeout(180)
def test_counts_are_exact_while_many_write_and_two_fold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "BATCH", 7)
    stop = threading.Event()
    threads = [threading.Thread(target=busy, args=(stop, seed)) for seed in range(4)]
    threads += [threading.Thread(target=folding, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    looks, until = 0, time.monotonic() + 6
    try:
        while time.monotonic() < until:
            assert differences(world) == []
            looks += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert looks > 20
    fold_all(world)
    assert differences(world) == []
    counts = there_are(world.database)
    assert counted(world.database) == counts
    assert counts["running"] > 3
    everything = [f for (_, _, unit, _), f in folded(world.database).items() if unit == "day"]
    assert sum(figures.created for figures in everything) > sum(counts.values())


# Wrong all the same


def test_counts_that_went_wrong_are_counted_anew(world: World) -> None:
    owner = uuid.uuid4()
    world.settle(world.running(user_id=owner))
    fold_all(world)
    world.add(user_id=owner)
    for status, number in (("failed", 3), ("active", -7)):
        wrong = {"owner": owner, "status": status, "number": number}
        world.database.execute(counting.add_to_count(), wrong)
    assert len(differences(world)) == 2
    assert fold.recount(world.database) == 2
    assert differences(world) == []
    assert counted(world.database, owner) == there_are(world.database, owner)
    assert fold.recount(world.database) == 0


# Migrations


def test_rows_from_before_the_upgrade_are_counted(world: World) -> None:
    owner = uuid.uuid4()
    world.settle(world.running(user_id=owner))
    world.running()
    world.add_many(2)
    world.close()
    command.downgrade(migrate._config(), "20261125_dependencies")
    assert migrate.upgrade().state == "current"
    assert differences(world) == []
    assert counted(world.database) == there_are(world.database)
    assert counted(world.database, owner)["succeeded"] == 1
    assert unfolded(world) == 0


def test_a_migration_that_makes_the_table_anew_keeps_the_triggers(world: World) -> None:
    world.add()
    world.close()
    engine = sync_engine(durable=True)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("tasks", recreate="always" if is_sqlite() else "auto"):
            pass
        assert not is_sqlite() or not _triggers(connection)
    command.upgrade(migrate._config(), "head")
    with engine.begin() as connection:
        assert _triggers(connection) >= {"task_delta_created", "task_delta_changed"}
    engine.dispose()
    world.add()
    assert differences(world) == []


def is_sqlite() -> bool:
    return get_settings().is_sqlite


def _triggers(connection: Any) -> set[str]:
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if is_sqlite()
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return {row[0] for row in connection.execute(text(statement))}


def test_triggers_may_be_installed_again(world: World) -> None:
    engine = sync_engine(durable=True)
    with engine.begin() as connection:
        triggers.install(connection)
    engine.dispose()
    world.add()
    assert world.database.execute(select(func.count()).select_from(TaskDelta)).one()[0] == 1
