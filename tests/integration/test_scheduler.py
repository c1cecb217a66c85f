"""Firing on both databases: one task a slot, whoever fires, whenever."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from app import dispatch
from app.core.config import Settings
from app.db.session import Database
from app.models import Schedule, ScheduleFire, Task
from app.queries import schedules as queries
from app.scheduler import firing
from app.scheduler.entries import Entry, read
from app.scheduler.scheduler import DatabaseScheduler
from app.services.catalogue import Catalogue, catalogue
from tests.support.databases import on_postgresql
from tests.support.environment import use_settings

ADD = "tests.support.tasks.add"


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database()
    yield opened
    opened.close()


@pytest.fixture
def known(settings: Settings) -> Catalogue:
    return catalogue()


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queues that were woken. The feeder's thread would outlive the test's database."""
    queues: list[str] = []
    monkeypatch.setattr(dispatch, "wake", lambda queue, **_: queues.append(queue))
    return queues


def entry(name: str = "sum", when: Any = 60, **changes: Any) -> Entry:
    given = {"task": ADD, "schedule": when, "args": (1, 2), **changes}
    return read(name, given, "Asia/Shanghai")


def begin(database: Database, *entries: Entry, overdue: float | None = 0.5) -> dict[str, Entry]:
    """Put entries in place; `overdue` seconds past their slot, None: as they are."""
    by_name = {one.name: one for one in entries}
    firing.sync(database, by_name)
    if overdue is not None:
        slot = clock(database) - timedelta(seconds=overdue)
        database.execute(update(Schedule).values(next_fire=slot))
    return by_name


def clock(database: Database) -> datetime:
    moment: datetime = database.execute(queries.clock()).one()[0]
    return moment


def schedule(database: Database, name: str = "sum") -> Any:
    return database.execute(select(Schedule).where(Schedule.name == name)).one()


def fire(database: Database, one: Entry, known: Catalogue) -> uuid.UUID | None:
    """Fire one that is believed to be due."""
    return firing.fire(database, schedule(database, one.name).id, one, known)


def names(database: Database) -> list[str]:
    return database.execute(select(Schedule.name).order_by(Schedule.name)).column()


def tasks(database: Database) -> list[Any]:
    return list(database.execute(select(Task)).all())


def test_due_slot_becomes_a_system_task_and_the_next_slot_counts_from_it(
    database: Database, known: Catalogue, woken: list[str]
) -> None:
    entries = begin(database, entry(options={"queue": "lane", "priority": 4, "expires": 300}))
    slot = schedule(database).next_fire
    report = firing.run_once(database, entries, known)
    (task,) = tasks(database)
    assert report.fired == [task.id]
    assert woken == ["lane"]
    assert (task.name, task.celery_task_name, task.args, task.user_id) == ("sum", ADD, [1, 2], None)
    assert (task.queue, task.priority, task.status) == ("lane", 4, "pending")
    assert task.expires_at - task.created_at < timedelta(seconds=301)
    assert schedule(database).next_fire == slot + timedelta(seconds=60)
    assert schedule(database).last_fire == slot
    assert report.wait_seconds is not None
    assert 55 < report.wait_seconds <= 60


def test_slot_that_has_not_come_does_not_fire(database: Database, known: Catalogue) -> None:
    entries = begin(database, entry(), overdue=None)
    assert firing.run_once(database, entries, known).fired == []
    assert fire(database, entries["sum"], known) is None
    assert tasks(database) == []


def test_many_beats_fire_a_slot_once(database: Database, known: Catalogue) -> None:
    entries = begin(database, entry("a"), entry("b"), entry("c"))
    fired: list[Any] = []
    ready = threading.Barrier(4)

    def beat() -> None:
        own = Database()
        ready.wait()
        fired.extend(firing.run_once(own, entries, known).fired)
        own.close()

    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A beat passes over what another one is firing; the next tick finds nothing left.
    assert firing.run_once(database, entries, known).fired == []
    assert sorted(task.name for task in tasks(database)) == ["a", "b", "c"]
    assert len(fired) == 3


def test_beat_that_believes_in_an_old_slot_fires_nothing(
    database: Database, known: Catalogue
) -> None:
    entries = begin(database, entry())
    assert fire(database, entries["sum"], known)
    # Frozen between reading "due" and firing, then thawed.
    assert fire(database, entries["sum"], known) is None
    assert len(tasks(database)) == 1


def test_recorded_slot_never_fires_again_even_when_the_schedule_is_set_back(
    database: Database, known: Catalogue
) -> None:
    entries = begin(database, entry())
    slot = schedule(database).next_fire
    firing.run_once(database, entries, known)
    database.execute(update(Schedule).values(next_fire=slot))
    assert firing.run_once(database, entries, known).fired == []
    assert len(tasks(database)) == 1
    assert schedule(database).next_fire > clock(database)


# SQLite has no way to take a lock from a process that is frozen with it.
@on_postgresql
def test_beat_frozen_in_the_middle_of_a_firing_gives_the_slot_up(
    database: Database, known: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "PATIENCE_IN_TRANSACTION", "300ms")
    entries = begin(database, entry())
    due = schedule(database).id
    frozen = Database()

    def freeze_and_thaw() -> None:
        with frozen.transaction() as connection:
            firing._limit_idleness(connection)
            assert connection.execute(queries.lock_if_due(), {"id": due}).first()
            assert firing.run_once(database, entries, known).fired == []
            time.sleep(0.6)  # how long it is frozen: longer than it may
            assert len(firing.run_once(database, entries, known).fired) == 1
            connection.execute(queries.clock())

    with pytest.raises(DBAPIError):
        freeze_and_thaw()
    frozen.close()
    assert len(tasks(database)) == 1


def test_downtime_ends_in_one_firing_and_the_rhythm_is_kept(
    database: Database, known: Catalogue
) -> None:
    entries = begin(database, entry(), overdue=605)
    slot = schedule(database).next_fire
    firing.run_once(database, entries, known)
    assert firing.run_once(database, entries, known).fired == []
    assert len(tasks(database)) == 1
    following = schedule(database).next_fire
    assert clock(database) < following
    assert (following - slot) % timedelta(seconds=60) == timedelta(0)


def test_nothing_remains_of_a_firing_that_fails_in_the_middle(
    database: Database, known: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = begin(database, entry())
    with monkeypatch.context() as broken:
        broken.setattr(queries, "advance", lambda *_: 1 / 0)
        assert firing.run_once(database, entries, known).fired == []
    assert tasks(database) == []
    assert database.execute(select(ScheduleFire)).all() == []
    assert len(firing.run_once(database, entries, known).fired) == 1


def test_changed_times_begin_anew_and_unchanged_ones_go_on(database: Database) -> None:
    begin(database, entry("a"), entry("b"), overdue=10)
    kept = schedule(database, "a").next_fire
    begin(database, entry("a", args=(5, 6)), entry("b", crontab(minute=0)), overdue=None)
    assert schedule(database, "a").next_fire == kept
    assert schedule(database, "b").next_fire > clock(database)
    assert schedule(database, "b").definition["expression"] == "0 * * * *"


def test_what_the_code_says_is_written_when_it_changes(database: Database) -> None:
    options = {"queue": "lane", "priority": 3, "expires": 60, "routing_key": "x"}
    begin(database, entry(options=options), overdue=None)
    begin(database, entry(options=options), overdue=None)
    before = schedule(database)
    assert (before.celery_task_name, before.version) == (ADD, 1)
    assert before.task == {
        "args": [1, 2], "kwargs": {}, "queue": "lane", "priority": 3, "expires_in": 60
    }  # fmt: skip
    begin(database, entry(args=(5, 6)), overdue=None)
    after = schedule(database)
    assert (after.task, after.version) == ({"args": [5, 6], "kwargs": {}}, 2)
    assert after.next_fire == before.next_fire


def test_entry_that_is_gone_from_the_code_is_forgotten(database: Database) -> None:
    begin(database, entry("a"), entry("b"))
    begin(database, entry("b"))
    assert names(database) == ["b"]


def test_paused_schedule_does_not_fire(database: Database, known: Catalogue) -> None:
    entries = begin(database, entry())
    database.execute(update(Schedule).values(paused_at=clock(database)))
    assert firing.run_once(database, entries, known).fired == []
    assert fire(database, entries["sum"], known) is None


def test_firing_that_its_code_cannot_make_passes_and_the_others_go_on(
    database: Database, known: Catalogue
) -> None:
    bad, good = entry("bad", args=("x", "y")), entry("good")
    entries = begin(database, bad, good)
    with capture_logs() as logs:
        report = firing.run_once(database, entries, known)
    assert [task.name for task in tasks(database)] == ["good"]
    assert len(report.fired) == 1
    assert schedule(database, "bad").next_fire > clock(database)
    assert [line["schedule"] for line in logs if line["log_level"] == "error"] == ["bad"]


@pytest.fixture
def beat_schedule(settings: Settings) -> Iterator[dict[str, Any]]:
    """The `beat_schedule` of the application, to be written by the test."""
    from app.celery_app import celery_app

    written: dict[str, Any] = {}
    before, celery_app.conf.beat_schedule = celery_app.conf.beat_schedule, written
    catalogue.cache_clear()
    yield written
    celery_app.conf.beat_schedule = before
    catalogue.cache_clear()


def test_refused_entries_are_named_and_the_others_run(
    database: Database, beat_schedule: dict[str, Any]
) -> None:
    from app.celery_app import celery_app

    fine = {"task": ADD, "schedule": 1.0, "args": (1, 2)}
    beat_schedule.update(
        unknown={**fine, "task": "no.such.task"},
        wrong={**fine, "args": (1,)},
        odd={**fine, "options": {"eta": 5}},
        listed={**fine, "options": ["queue"]},
        text="every day",
        stray={**fine, "options": {"priority": 9}},
        good=fine,
    )
    with capture_logs() as logs:
        beat = DatabaseScheduler(app=celery_app)
        wait = beat.tick()
    beat.close()
    assert names(database) == ["good"]
    assert 0 < wait <= 1
    refused = {line["schedule"]: line["reason"] for line in logs if line["log_level"] == "error"}
    assert sorted(refused) == ["listed", "odd", "stray", "text", "unknown", "wrong"]
    assert "not registered" in refused["unknown"]
    assert "missing a required argument" in refused["wrong"]


def test_beat_outlives_a_database_that_is_away(
    settings: Settings, clean_settings: pytest.MonkeyPatch, beat_schedule: dict[str, Any]
) -> None:
    from app.celery_app import celery_app

    beat_schedule["sum"] = {"task": ADD, "schedule": 1.0, "args": (1, 2)}
    away = settings.data_dir / "nowhere" / "tasks.db"
    use_settings(clean_settings, database_url=f"sqlite:///{away}")
    with capture_logs() as logs:
        beat = DatabaseScheduler(app=celery_app)
        assert [beat.tick(), beat.tick()] == [1.0, 1.0]
        use_settings(clean_settings, database_url=settings.resolved_database_url)
        beat._database.close()
        assert beat.tick() <= 1.0
    beat.close()
    said = [line["event"] for line in logs]
    assert len([event for event in said if "nothing fires until it can" in event]) == 1
    assert any("answers again" in event for event in said)
