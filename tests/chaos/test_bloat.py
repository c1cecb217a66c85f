"""100 tasks a second: heartbeats beside them, and ten minutes in which a report holds a snapshot.

Nothing that dies in those ten minutes can be cleaned away. The system may not get slower by it, and
afterwards the table may not go on growing. Nor may the processes.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx2
import psutil
import pytest
from psycopg import IsolationLevel

from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

MINUTES = 10
RATE = 100
CLIENTS = 8
# What a task may leave in table and indexes while nothing can be cleaned: its row, four dead
# versions of it, and an entry for each in the indexes of its states.
BYTES_A_TASK = 2500
# An idle system's time for a submission is a few milliseconds.
P95_SECONDS = 0.25
WAITING_AT_MOST = 2 * RATE
# What a process may take in the last minutes beyond what it had after the first two.
GROWTH_MB = 30
HEARTBEATS_AT_LEAST = 60


@contextmanager
def held_snapshot(postgres: Postgres, name: str) -> Iterator[None]:
    """A transaction that goes on seeing the database as it is now."""
    with postgres.connect(name) as report:
        report.autocommit = False
        report.isolation_level = IsolationLevel.REPEATABLE_READ
        report.execute("SELECT count(*) FROM tasks")
        yield
        report.rollback()


def size_of(postgres: Postgres, name: str) -> int:
    with postgres.connect(name) as connection:
        row = connection.execute("SELECT pg_total_relation_size('tasks')").fetchone()
    assert row is not None
    return int(str(row[0]))


class Load:
    """Clients that submit at a fixed rate, and how long each submission took."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._headers = {"Authorization": f"Bearer {stack.token}"}
        self._lock = threading.Lock()
        self.took: list[float] = []
        self.refused: list[int] = []

    def run(self, seconds: float) -> int:
        """Submit for so long; returns how many."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            return sum(pool.map(self._client, [seconds] * CLIENTS))

    def _client(self, seconds: float) -> int:
        body = {"name": "n", "task_type": "t", "celery_task_name": "tests.support.tasks.noop"}
        began, number = time.monotonic(), 0
        with httpx2.Client(base_url=self._stack.url, headers=self._headers, timeout=10) as client:
            while (now := time.monotonic()) - began < seconds:
                if (wait := began + number * CLIENTS / RATE - now) > 0:
                    time.sleep(wait)  # the rate
                asked = time.monotonic()
                answer = client.post("/api/v1/tasks/", json=body)
                with self._lock:
                    self.took.append(time.monotonic() - asked)
                    if answer.status_code != 201:
                        self.refused.append(answer.status_code)
                number += 1
        return number

    def p95(self, since: int) -> float:
        """Of the submissions after the first `since`."""
        return statistics.quantiles(self.took[since:], n=20)[-1]


class Heartbeats:
    """Counts the renewals of leases by looking at them, for as long as a block lasts."""

    def __init__(self, postgres: Postgres, name: str, ids: list[str]) -> None:
        self._looking = (postgres, name, ids)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: set[tuple[object, ...]] = set()

    def __enter__(self) -> Heartbeats:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        postgres, name, ids = self._looking
        statement = "SELECT id, lease_until FROM tasks WHERE id = ANY(%s::uuid[])"
        with postgres.connect(name) as connection:
            while not self._ending.wait(0.2):
                self.seen |= set(connection.execute(statement, [ids]).fetchall())


def heap_only_updates(postgres: Postgres, name: str) -> int:
    """Updates of tasks that touched no index, so far."""
    statement = "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'tasks'"
    with postgres.connect(name) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(str(row[0]))


def megabytes(stack: Stack) -> dict[int, float]:
    """The size of every process of the system."""
    found = {}
    for process in stack.processes.values():
        for each in [psutil.Process(process.pid), *process.descendants()]:
            with suppress(psutil.Error):
                found[each.pid] = each.memory_info().rss / 1024 / 1024
    return found


@pytest.mark.long
@pytest.mark.timeout(240)
def test_heartbeats_under_load_touch_no_index(
    make_stack: MakeStack, postgres: Postgres, postgres_url: str
) -> None:
    """A task costs three updates that belong into indexes; a renewal none, whatever is beside it."""
    stack = make_stack(postgres_url)
    name = postgres_url.rsplit("/", 1)[1]
    log = stack.effect_log()
    ids = [stack.submit("sturdy_sleep", 100, str(log))["id"] for _ in range(2)]
    for task_id in ids:
        stack.wait_for(task_id, "running")
    load = Load(stack)
    before = heap_only_updates(postgres, name)
    with Heartbeats(postgres, name, ids) as heartbeats:
        load.run(60)
    renewals = len(heartbeats.seen) - len(ids)
    assert not load.refused, load.refused[:5]
    assert renewals >= HEARTBEATS_AT_LEAST
    wait_until(
        lambda: heap_only_updates(postgres, name) - before >= 0.95 * renewals,
        timeout=15,
        what=f"95 % of {renewals} renewals were heap-only",
    )
    for task_id in ids:
        stack.client.post(f"/api/v1/tasks/{task_id}/cancel")


@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 300)
def test_a_held_snapshot_makes_nothing_slow_and_growth_ends_with_it(
    make_stack: MakeStack, postgres: Postgres, postgres_url: str
) -> None:
    stack = make_stack(postgres_url)
    name = postgres_url.rsplit("/", 1)[1]
    load = Load(stack)
    created = load.run(20)
    with held_snapshot(postgres, name):
        early: dict[int, float] = {}
        for minute in range(MINUTES):
            before = len(load.took)
            created += load.run(60)
            assert not load.refused, load.refused[:5]
            assert load.p95(before) < P95_SECONDS
            counts = stack.client.get("/api/v1/tasks/count").json()
            assert counts["pending"] + counts["running"] < WAITING_AT_MOST, counts
            assert size_of(postgres, name) < created * BYTES_A_TASK
            early = megabytes(stack) if minute == 1 else early
    late = megabytes(stack)
    assert late.keys() == early.keys(), "no process has ended"
    assert {pid: late[pid] - early[pid] for pid in late if late[pid] - early[pid] > GROWTH_MB} == {}
    assert created >= 0.95 * MINUTES * 60 * RATE
    wait_until(
        lambda: stack.client.get("/api/v1/tasks/count").json()["succeeded"] == created,
        timeout=30,
        what="everything has run",
    )
    with postgres.connect(name) as connection:  # what autovacuum does within a minute
        connection.execute("VACUUM tasks")
    after = size_of(postgres, name)
    created = load.run(60)
    assert size_of(postgres, name) - after < created * BYTES_A_TASK / 2, "the space is used again"
