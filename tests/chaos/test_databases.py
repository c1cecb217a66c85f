"""The database is stopped, full, locked or slow: 503 in time, nobody is taken for dead."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import DATABASE_CRASH, Call
from tests.support.chaos.scenario import Scenario

ANSWERED_WITHIN_SECONDS = 3.0
# Attempts that begin before a fault and outlive it by far more than a lease.
LONG_SECONDS = 14.0


@contextlib.contextmanager
def submitting(chaos: Scenario, threads: int = 4, pause: float = 0.2) -> Iterator[None]:
    """Clients that submit short tasks of both kinds as long as the block lasts."""
    ending = threading.Event()

    def run(number: int) -> None:
        kind = "short" if number % 2 else "retryable"
        while not ending.wait(pause):
            most = 1 if kind == "short" else 10
            chaos.submit(kind, chaos.log, 0.1, max_attempts=most)

    clients = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(threads)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        ending.set()
        for client in clients:
            client.join(20)


def start_long_ones(chaos: Scenario, seconds: float = LONG_SECONDS) -> list[str]:
    """Two attempts that the whole fault passes over, one of each kind."""
    ids = [
        *chaos.submit_many(1, "progressing", chaos.log, seconds, 20),
        *chaos.submit_many(1, "retryable", chaos.log, seconds, max_attempts=5),
    ]
    chaos.wait(lambda: all(chaos.effects.of(each) for each in ids), 20, "the long ones run")
    return ids


def require_only_503_in_time(calls: list[Call]) -> None:
    """Every call was answered within 3 s, with what was asked for or with 503."""
    for call in calls:
        told = f"{call.method} {call.path}: {call.status} after {call.ended - call.started:.2f} s"
        assert call.status in (200, 201, 503), told
        assert call.ended - call.started <= ANSWERED_WITHIN_SECONDS, told


def require_undisturbed(chaos: Scenario, tasks: dict[str, dict[str, object]]) -> None:
    """Everybody who was alive went on: no attempt was lost or had to be repeated."""
    for task_id, task in tasks.items():
        told = f"{task_id} ({task['celery_task_name']}): {task['reason']} {task['error']}"
        assert task["status"] == "succeeded", told
        assert task["attempt"] == 1, told
        assert len(chaos.effects.of(task_id, "start")) == 1, told


def require_that_it_serves_again(chaos: Scenario) -> None:
    """Without a restart, and soon."""
    began = time.monotonic()
    chaos.wait(lambda: chaos.submit("short", chaos.log), 10, "a submission is accepted again")
    assert time.monotonic() - began < 5


@pytest.mark.scenario("R09", databases=("postgresql",))
def test_an_immediate_stop_of_the_database_loses_nothing(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2")
    long_ones = start_long_ones(chaos)
    with submitting(chaos):
        time.sleep(3)  # load before the fault
        with chaos.fault(DATABASE_CRASH, Kind.DATABASE):
            chaos.postgres.stop(signal.SIGQUIT)
            time.sleep(10)  # how long it is down
            chaos.postgres.start()
        require_that_it_serves_again(chaos)
        time.sleep(3)  # load after it
    tasks = chaos.finish()
    assert any(call.status == 503 for call in chaos.recorder.calls)
    require_only_503_in_time(chaos.recorder.calls)
    for task_id in long_ones:
        assert tasks[task_id]["status"] == "succeeded", tasks[task_id]
    once = {each: task for each, task in tasks.items() if task["max_attempts"] == 1}
    require_undisturbed(chaos, once)


@contextlib.contextmanager
def exhausted(chaos: Scenario) -> Iterator[None]:
    """Every connection of the server is taken, those of the system are ended too."""
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    ending = threading.Event()
    first_round = threading.Event()

    def grab() -> None:
        while not ending.is_set():
            try:
                held.append(chaos.postgres.connect("postgres"))
            except psycopg.OperationalError:
                if not first_round.is_set():
                    first_round.set()
                ending.wait(0.05)

    thread = threading.Thread(target=grab, daemon=True)
    thread.start()
    assert first_round.wait(30)
    with contextlib.suppress(psycopg.Error):
        held[0].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'tasksystem'"
        )
    try:
        yield
    finally:
        ending.set()
        thread.join(10)
        for connection in held:
            connection.close()


@pytest.mark.scenario("R23", databases=("postgresql",))
def test_a_database_without_a_free_connection(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2")
    start_long_ones(chaos, 25.0)
    with submitting(chaos):
        time.sleep(2)  # load before the fault
        with chaos.fault("no connection is free", Kind.DATABASE), exhausted(chaos):
            time.sleep(15)  # how long there is none
        require_that_it_serves_again(chaos)
        time.sleep(2)  # load after it
    tasks = chaos.finish()
    require_only_503_in_time(chaos.recorder.calls)
    require_undisturbed(chaos, tasks)


@contextlib.contextmanager
def locked_tasks(chaos: Scenario) -> Iterator[None]:
    """Nobody else may read or, on SQLite, write the tasks."""
    if chaos.database == "sqlite":
        path = chaos.stack.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    name = chaos.stack.database_url.rsplit("/", 1)[1]
    with chaos.postgres.connect(name) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.scenario("R24")
def test_a_locked_table_and_a_slow_line(chaos: Scenario) -> None:
    lines: tuple[str, ...] = ()
    if chaos.database == "postgresql":
        lines = ("api:database", "worker:database", "worker2:database")
    chaos.start("api", "worker", "worker2", proxies=lines)
    start_long_ones(chaos, 50.0)
    with submitting(chaos):
        time.sleep(2)  # load before the fault
        with chaos.fault("tasks are locked", Kind.DATABASE), locked_tasks(chaos):
            time.sleep(5)  # how long they are locked
        require_that_it_serves_again(chaos)
        time.sleep(2)  # load between the faults
        with chaos.fault("the database is 300 ms away", Kind.DATABASE):
            for name in lines:
                chaos.proxy(name).delay(0.3)
            time.sleep(30)  # how long it is slow
            for name in lines:
                chaos.proxy(name).pass_()
        require_that_it_serves_again(chaos)
    tasks = chaos.finish()
    require_only_503_in_time(chaos.recorder.calls)
    require_undisturbed(chaos, tasks)
