"""Ten minutes of 100 tasks a second while somebody's report holds a snapshot open.

Nothing that dies in those minutes can be cleaned away. The system may not get slower by it, and
afterwards the table may not go on growing.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
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
BYTES_A_TASK = 4000
# An idle system's time for a submission is a few milliseconds.
P95_SECONDS = 0.25
WAITING_AT_MOST = 2 * RATE


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
        for _ in range(MINUTES):
            before = len(load.took)
            created += load.run(60)
            assert not load.refused, load.refused[:5]
            assert load.p95(before) < P95_SECONDS
            counts = stack.client.get("/api/v1/tasks/count").json()
            assert counts["pending"] + counts["running"] < WAITING_AT_MOST, counts
            assert size_of(postgres, name) < created * BYTES_A_TASK
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
