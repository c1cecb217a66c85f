"""The leases and feeds of many agents, on few connections, by the product's own statements."""

from __future__ import annotations

import heapq
import random
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app.db.session import Database
from app.domain.rank import Priority
from app.queries import feed, leases
from bench.line import percentile
from bench.rows import Row, Store, copies

RENEWALS, FEEDS = "renewals", "feeds"
LEASE_SECONDS = 30.0
LABEL = "simulated"
# Rows of a queue that may be out at a time, the most there may be.
WINDOW = 4096
LOOK_SECONDS = 0.1
IDLE_SECONDS = 0.05
START_SECONDS = 60.0
_LOCK_WAITS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Pair = tuple[uuid.UUID, uuid.UUID]
# When it is due, whose it is, and what.
Job = tuple[float, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """So many agents for so many seconds, on so many connections.

    Each renews the leases of `claims` running tasks once in `beat_seconds`, and puts out up to
    `room` rows of one of `queues` once in `feed_seconds`.
    """

    agents: int
    seconds: float
    connections: int
    beat_seconds: float = 10.0
    feed_seconds: float = 5.0
    claims: int = 4
    queues: int = 8
    room: int = 8
    function: str = "bench.tasks.noop"


@dataclass(slots=True)
class Done:
    """What was done of one kind: how long each took, and how late it began, in seconds."""

    took: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def line(self, name: str, seconds: float) -> str:
        """A line for people."""
        if not self.took:
            return f"{name:12} none"
        took, late = (1000 * percentile(each, 0.95) for each in (self.took, self.late))
        rate = len(self.took) / seconds
        return f"{name:12} {rate:,.1f} a second, p95 {took:.1f} ms, begun {late:.1f} ms late (p95)"


@dataclass(slots=True)
class Outcome:
    """What all agents did in `seconds`. `missed` leases were not found; `waits` are sessions that
    waited for a lock, each time somebody looked.
    """

    seconds: float
    done: dict[str, Done]
    fed: int
    missed: int
    waits: list[int]

    def lines(self) -> list[str]:
        """For people."""
        average = sum(self.waits) / max(1, len(self.waits))
        return [
            *(each.line(name, self.seconds) for name, each in self.done.items()),
            f"{'rows fed':12} {self.fed / self.seconds:,.1f} a second",
            f"{'lock waits':12} {average:.2f} sessions on average, {max(self.waits, default=0)} at most",
            f"{'missed':12} {self.missed} leases",
        ]


class Simulation:
    """All of it, on a migrated PostgreSQL database that nobody else uses."""

    def __init__(self, url: str, plan: Plan) -> None:
        self._url, self._plan = url, plan
        self._held = _furnish(url, plan)
        self._done = {RENEWALS: Done(), FEEDS: Done()}
        self._fed = self._missed = 0
        self._due: list[Job] = []
        self._began = self._end = 0.0
        # Of what is above.
        self._guard = threading.Lock()
        # Connecting belongs to no measurement.
        self._ready = threading.Barrier(plan.connections + 1, action=self._begin)

    def run(self) -> Outcome:
        """Do it. Raises what one of them met."""
        with ThreadPoolExecutor(self._plan.connections) as pool:
            working = [pool.submit(self._work) for _ in range(self._plan.connections)]
            waits = self._watch(working)
            failed = [error for each in working if (error := each.exception())]
        # Who only waited for the others does not know what was wrong.
        failed.sort(key=lambda error: isinstance(error, threading.BrokenBarrierError))
        if failed:
            raise failed[0]
        seconds = time.monotonic() - self._began
        return Outcome(seconds, self._done, self._fed, self._missed, waits)

    def _begin(self) -> None:
        """Everybody begins at a moment of his own, and has what he does spread evenly."""
        plan, chance = self._plan, random.Random(4711)
        now = time.monotonic()
        self._due = [
            (now + chance.random() * self._period(kind), agent, kind)
            for agent in range(plan.agents)
            for kind in (RENEWALS, FEEDS)
        ]
        heapq.heapify(self._due)
        self._began, self._end = now, now + plan.seconds

    def _period(self, kind: str) -> float:
        return self._plan.beat_seconds if kind == RENEWALS else self._plan.feed_seconds

    def _watch(self, working: list[Future[None]]) -> list[int]:
        """Until all have ended: how many sessions wait for a lock, at each look."""
        waits = []
        try:
            self._ready.wait(START_SECONDS)
        except threading.BrokenBarrierError:
            return []  # one of them says why
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not all(each.done() for each in working):
                row = connection.execute(_LOCK_WAITS).fetchone()
                waits.append(int(row[0]) if row else 0)
                time.sleep(LOOK_SECONDS)
        return waits

    def _work(self) -> None:
        """One connection, for whichever agent's time has come."""
        # As an agent's: a renewal that a power cut takes away is repeated.
        database = Database(durable=False, given=self._url)
        try:
            database.execute(leases.windows())
            self._ready.wait(START_SECONDS)
            while (job := self._next()) is not None:
                self._do(database, job)
        except BaseException:
            self._ready.abort()
            self._end = 0.0  # the others need not go on
            raise
        finally:
            database.close()

    def _next(self) -> Job | None:
        """What is due, waited for; None at the end."""
        while True:
            now = time.monotonic()
            with self._guard:
                if now >= self._end:
                    return None
                first = self._due[0][0] if self._due else now + IDLE_SECONDS
                if first <= now:
                    return heapq.heappop(self._due)
            time.sleep(min(first - now, IDLE_SECONDS))

    def _do(self, database: Database, job: Job) -> None:
        due, agent, kind = job
        began = time.monotonic()
        fed: list[Pair] = []
        missed = 0
        if kind == RENEWALS:
            held = self._held[agent]
            missed = len(held) - len(database.execute(leases.renew(held, LEASE_SECONDS)).all())
        else:
            fed = self._feed(database, _queue(agent % self._plan.queues))
        ended = time.monotonic()
        if fed:
            # Nobody runs them: they wait again, as when the broker has refused them.
            database.execute(feed.unmark(fed))
        with self._guard:
            self._done[kind].took.append(ended - began)
            self._done[kind].late.append(began - due)
            self._fed += len(fed)
            self._missed += missed
            # One that is late does not become rarer, and nothing is done twice for it.
            following = max(began + self._period(kind), time.monotonic())
            heapq.heappush(self._due, (following, agent, kind))

    def _feed(self, database: Database, queue: str) -> list[Pair]:
        """What `app.dispatch` does where nobody but the window has a say, without the broker."""
        named: dict[str, Any] = {"queue_name": queue}
        with database.exchanges() as exchanges:
            _, waiting, _ = exchanges.ask(
                (feed.lock_queue(), named),
                (feed.waiting(), {**named, "room": self._plan.room}),
                (feed.outstanding(), named),
            )
            ids = [row.id for row in waiting.all()]
            if not ids:
                return []
            mark = {**named, "ids": ids, "level": int(Priority.NORMAL)}
            (marked,) = exchanges.ask((feed.mark(), mark), ending=True)
        return [(row.id, row.celery_id) for row in marked.all()]


def _queue(number: int) -> str:
    return f"simulated-{number}"


def _furnish(url: str, plan: Plan) -> list[list[Pair]]:
    """Queues, rows that wait in them, and running ones; `(id, celery_id)` of those by agent."""
    store = Store(url)
    database = Database(given=url)
    try:
        for number in range(plan.queues):
            database.execute(feed.ensure_queue(_queue(number)))
            database.execute(leases.set_window(_queue(number), plan.agents, WINDOW))
    finally:
        database.close()
    base = store.build(plan.function, LABEL)
    running = list(_running(store, base, plan))
    store.add("tasks", running)
    # More than all connections together may mark at a time.
    each = 2 * plan.room * plan.connections
    store.add("tasks", _waiting(store, base, plan.queues, each))
    store.execute("VACUUM ANALYZE")
    pairs = [(row["id"], row["celery_id"]) for row in running]
    return [pairs[start : start + plan.claims] for start in range(0, len(pairs), plan.claims)]


def _running(store: Store, base: Row, plan: Plan) -> Iterator[Row]:
    now = time.time()
    at, until = store.moment(now), store.moment(now + plan.seconds + 3600)

    def changes(number: int) -> Row:
        return {
            "queue": _queue(number % plan.queues),
            "status": "running",
            "attempt": 1,
            "tries": 1,
            "worker": f"worker-{number // plan.claims}@simulated",
            "dispatched_at": at,
            "started_at": at,
            "lease_until": until,
        }

    return copies(store, base, plan.agents * plan.claims, changes)


def _waiting(store: Store, base: Row, queues: int, each: int) -> Iterator[Row]:
    return copies(store, base, queues * each, lambda number: {"queue": _queue(number % queues)})
