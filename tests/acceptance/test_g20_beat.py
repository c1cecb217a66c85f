"""G20: each firing of `beat_schedule` is a tracked system task, once, however many beats run."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, select

from app.models import Schedule, ScheduleFire, Task
from tests.support.commands import run_command, taskctl
from tests.support.environment import TEST_TASKS
from tests.support.processes import ROOT, Process, wait_until
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import MakeStack

SECOND = timedelta(seconds=1)
SCHEDULES = f"""
from celery.schedules import crontab
beat_schedule = {{
    "every-second": {{
        "task": "{TASKS}add", "schedule": 1.0, "args": (2, 3),
        "options": {{"queue": "lane", "priority": 3}},
    }},
    "nightly": {{"task": "{TASKS}noop", "schedule": crontab(minute=0, hour=4)}},
    "mistaken": {{"task": "no.such.task", "schedule": 1.0}},
}}
"""

Scheduled = Callable[..., "Beats"]


class Beats:
    """Beats of one system whose schedules are declared outside the clone."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        url = make_url(stack.database_url)
        driver = "postgresql+psycopg" if url.get_backend_name() == "postgresql" else url.drivername
        self.engine: Engine = create_engine(url.set(drivername=driver))

    def rows(self, statement: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(statement).all())

    def slots(self) -> list[datetime]:
        return [row.fire_at for row in self.fires()]

    def fires(self) -> list[Any]:
        """Slots that fired; those that were left out made no task."""
        fired = select(ScheduleFire).where(ScheduleFire.task_id.is_not(None))
        return self.rows(fired.order_by(ScheduleFire.fire_at))

    def fired(self) -> list[Any]:
        return self.rows(select(Task).where(Task.task_type == "scheduled"))

    def wait_for(self, count: int, timeout: float = 20) -> None:
        wait_until(lambda: len(self.slots()) >= count, timeout=timeout, what=f"{count} slots fired")

    def assert_each_slot_once(self) -> None:
        """One task for each recorded slot, on the grid of the first one."""
        slots, tasks = self.slots(), self.fired()
        assert len(tasks) == len(slots)
        assert {row.task_id for row in self.fires()} == {t.id for t in tasks}
        assert all((slot - slots[0]) % SECOND == timedelta(0) for slot in slots)


@pytest.fixture
def scheduled(make_stack: MakeStack, tmp_path: Path) -> Scheduled:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "their_schedules.py").write_text(SCHEDULES)

    def make(url: str, *, parts: tuple[str, ...] = (), **settings: str) -> Beats:
        stack = make_stack(
            url,
            start=False,
            parts=parts,
            PYTHONPATH=f"{folder}:{ROOT}",
            TASK_MODULES=f"{TEST_TASKS},their_schedules",
            **settings,
        )
        return Beats(stack)

    return make


def test_g20_firing_is_a_tracked_system_task_that_runs(
    scheduled: Scheduled, sqlite_url: str
) -> None:
    beats = scheduled(sqlite_url, parts=("api", "worker", "beat"))
    stack = beats.stack.start()
    beats.wait_for(2)
    rows = stack.client.get("/api/v1/tasks/", params={"task_type": "scheduled"}).json()
    task = stack.wait_for(rows[-1]["id"], "succeeded")
    assert (task["name"], task["args"], task["result"]) == ("every-second", [2, 3], 5)
    assert (task["queue"], task["priority"], task["user_id"]) == ("lane", 3, None)
    user = stack.client_for("somebody@example.org")
    assert user.get(f"/api/v1/tasks/{task['id']}").status_code == 404
    assert "mistaken" in stack.processes["beat"].text()


@pytest.mark.later
def test_g20_two_beats_one_of_them_frozen_and_thawed_fire_each_slot_once(
    scheduled: Scheduled, database_url: str
) -> None:
    beats = scheduled(database_url)
    first, second = beats.stack.start_part("beat"), beats.stack.start_part("beat2")
    beats.wait_for(3)
    # Between two slots: SQLite has no way to take a lock from a process that is frozen with it.
    time.sleep(0.5)
    first.send(signal.SIGSTOP)
    try:
        beats.wait_for(len(beats.slots()) + 3)
    finally:
        first.send(signal.SIGCONT)
    beats.wait_for(len(beats.slots()) + 3)
    assert first.alive
    assert second.alive
    beats.stack.stop()
    beats.assert_each_slot_once()


@pytest.mark.later
def test_g20_other_beat_takes_over_at_once_when_one_is_killed(
    scheduled: Scheduled, database_url: str
) -> None:
    beats = scheduled(database_url)
    beats.stack.start_part("beat")
    beats.stack.start_part("beat2")
    beats.wait_for(2)
    beats.stack.kill("beat")
    killed = len(beats.slots())
    beats.wait_for(killed + 3, timeout=8)
    beats.stack.stop()
    beats.assert_each_slot_once()


@pytest.mark.later
def test_g20_downtime_ends_in_one_firing_and_the_rhythm_goes_on(
    scheduled: Scheduled, database_url: str
) -> None:
    beats = scheduled(database_url)
    beats.stack.start_part("beat")
    beats.wait_for(2)
    beats.stack.kill("beat")
    before = beats.slots()
    time.sleep(3.5)  # how long no beat is there: three slots
    beats.stack.start_part("beat")
    beats.wait_for(len(before) + 3)
    beats.stack.stop()
    beats.assert_each_slot_once()
    slots = beats.slots()
    missed = [b - a for a, b in pairwise(slots) if b - a > SECOND]
    # The slot that had come while nobody was there fired late; those after it were left out.
    assert len(missed) == 1
    assert slots[len(before)] - before[-1] == SECOND


def test_g20_beat_fires_while_the_broker_is_away(scheduled: Scheduled, sqlite_url: str) -> None:
    beats = scheduled(sqlite_url, CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    beat = beats.stack.start_part("beat")
    beats.wait_for(3)
    assert beat.alive
    started = time.monotonic()
    assert beats.stack.stop_part("beat") == 0
    assert time.monotonic() - started < 10


def test_g20_beat_answers_ping(scheduled: Scheduled, sqlite_url: str) -> None:
    beats = scheduled(sqlite_url)
    beats.stack.start_part("beat")
    beats.wait_for(1)
    inspect = [sys.executable, "-m", "celery", "-A", "app.celery_app.celery_app", "inspect", "ping"]
    done = run_command([*inspect, "-t", "3"], beats.stack.env)
    assert done.returncode == 0, done.stderr
    assert re.search(r"beat@\S+: OK", done.stdout), done.stdout


def test_g20_celerys_own_command_runs_the_same_scheduler_and_leaves_no_file(
    scheduled: Scheduled, sqlite_url: str, tmp_path: Path
) -> None:
    beats = scheduled(sqlite_url)
    command = [sys.executable, "-m", "celery", "-A", "app.celery_app.celery_app", "beat"]
    output = tmp_path / "bare.out"
    process = Process(command, env=beats.stack.env, output=output, cwd=tmp_path)
    try:
        beats.wait_for(2)
    finally:
        process.stop()
    assert not list(tmp_path.glob("celerybeat-schedule*"))
    # Celery's own default is to log warnings only.
    assert "schedule refused" in (beats.stack.log_dir / "celery_beat.log").read_text()


def test_g20_removed_entry_is_forgotten_at_the_next_start(
    scheduled: Scheduled, sqlite_url: str
) -> None:
    beats = scheduled(sqlite_url)
    beats.stack.start_part("beat")
    beats.wait_for(1)
    assert {row.name for row in beats.rows(select(Schedule))} == {"every-second", "nightly"}
    beats.stack.stop_part("beat")
    beats.stack.start_part("beat", TASK_MODULES=TEST_TASKS)
    wait_until(lambda: not beats.rows(select(Schedule)), timeout=15, what="no schedules are left")


def test_g20_beat_waits_for_the_schema_and_says_so(scheduled: Scheduled, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'late.db'}"
    beats = scheduled(url)
    beat = beats.stack.start_part("beat")
    wait_until(lambda: "taskctl migrate" in beat.text(), timeout=15, what="beat says what it needs")
    taskctl(beats.stack.env, "migrate")
    beats.wait_for(1)
    assert beat.text().count("waiting for the database") == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"TASK_MODULES": "no_such_package"}, "no_such_package"),
        ({"CELERY_TIMEZONE": "Mars/Olympus"}, "CELERY_TIMEZONE"),
        ({"DATABASE_URL": "mysql://x/y"}, "only sqlite and postgresql"),
    ],
)
def test_g20_beat_that_cannot_start_says_why_in_a_sentence(
    sqlite_url: str, make_stack: MakeStack, settings: dict[str, str], sentence: str
) -> None:
    stack = make_stack(sqlite_url, start=False, parts=())
    done = run_command(stack.command("beat"), {**stack.env, **settings}, timeout=30)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
