"""What `/metrics` tells of the whole system, at a cost that does not grow with it.

Counted are only rows that are few, or the first so many along an index; everything else was added up
by those who caused it (`app.models.metrics`, `app.models.statistics`).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.broker import BrokerError, async_client
from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.engines import database_url
from app.db.session import connections_lent, read_session
from app.domain.counters import LABELS, Counted
from app.domain.figures import Figures
from app.domain.nodes import worker_of
from app.domain.rank import Priority
from app.domain.tally import by_status
from app.queries import clock, counting, feed, queues
from app.queries import metrics as queries
from app.queries.schedules import BEAT_DUTY
from app.services import dead
from app.services.catalogue import catalogue
from app.services.limits import LimitState, list_limits
from app.services.worker import silence_seconds

log = get_logger(__name__)

# So many rows are looked at to count those of a queue, and as many of anything else that may be many.
MOST = 10_000
# Of the audit log, for which there is no index of what is unfinished.
MOST_ACTIONS = 1_000
# Less than a request may take: what is not known by then is not told.
PATIENCE_SECONDS = 1.2

_PRIORITIES = {int(level): level.name.lower() for level in Priority}


@dataclass(slots=True)
class QueueNow:
    """One queue. `waiting` and `oldest_seconds` are by priority, of tasks that are ready and not started.

    Of a queue with more than `MOST` of them, those are looked at that start first; a priority none of
    which is among them is missing.
    """

    name: str
    paused: bool = False
    # Of live workers that take new tasks.
    slots: int = 0
    # Rows that may be in the broker at a time; None before its first use.
    window: int | None = None
    dispatched: int = 0
    scheduled: int = 0
    running: int = 0
    waiting: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_PRIORITIES.values(), 0))
    oldest_seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(_PRIORITIES.values(), 0.0)
    )

    def add(self, row: Any, moment: datetime) -> None:
        """Tasks of one priority that wait: `priority, number, oldest`."""
        name = _PRIORITIES[row.priority]
        waited = (moment - row.oldest).total_seconds()
        self.waiting[name] += row.number
        self.oldest_seconds[name] = max(self.oldest_seconds[name], waited)

    def forget_unseen(self) -> None:
        """Nobody knows whether there are more of the priorities of which none was seen."""
        for name in [name for name, number in self.waiting.items() if not number]:
            del self.waiting[name], self.oldest_seconds[name]


@dataclass(frozen=True, slots=True)
class WorkersNow:
    """Live ones: agents, main processes, and slots, of which `busy` run a task."""

    agents: int
    processes: int
    slots: int
    busy: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says. `duties`: the seconds that are left of each one's lease."""

    tasks: Mapping[str, int]
    queues: Sequence[QueueNow]
    limits: Sequence[LimitState]
    workers: WorkersNow
    totals: Mapping[str, Figures]
    counters: Mapping[tuple[str, str], int]
    duties: Mapping[str, float]
    schedules: int
    schedule_lag_seconds: float
    beat_alive: bool
    webhooks_failing: int
    webhooks_disabled: int
    deliveries_waiting: int
    actions_unfinished: int


@dataclass(frozen=True, slots=True)
class Observed:
    """The system as this process sees it. None: it could not be learned."""

    database_kind: str
    stored: Stored | None
    dead_messages: int | None
    # Files of SQLite in bytes: `database` and `wal`.
    file_bytes: Mapping[str, int]
    connections: Mapping[str, int]
    streams: int


async def observe(streams: int) -> Observed:
    """Ask the database and the broker, side by side. Never raises for a fault of theirs.

    `streams`: how many event streams this process has open.
    """
    connections = connections_lent()
    stored, dead_messages = await asyncio.gather(_stored(), _dead_messages())
    url = database_url(use_async=False)
    return Observed(
        database_kind=url.get_backend_name(),
        stored=stored,
        dead_messages=dead_messages,
        file_bytes=_file_bytes(url.database) if get_settings().is_sqlite else {},
        connections=connections,
        streams=streams,
    )


async def _dead_messages() -> int | None:
    """How many entries the broker keeps aside; None if it does not answer."""
    client = async_client()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await client.llen(dead.dead_key())
    except (*BrokerError, TimeoutError):
        return None
    finally:
        await client.aclose()


def _file_bytes(path: str | None) -> dict[str, int]:
    found = {}
    for name, file in (("database", path or ""), ("wal", f"{path}-wal")):
        try:
            found[name] = os.stat(file).st_size
        except OSError:
            found[name] = 0  # none yet, or just checkpointed away
    return found


_readings: set[asyncio.Task[Stored | None]] = set()


async def _stored() -> Stored | None:
    """What the database says; None if it does not say it in time.

    It is not waited for any longer, not even until it has noticed that it was given up: a server
    that is frozen answers that as little as anything else.
    """
    reading = asyncio.create_task(_read_or_say_why())
    _readings.add(reading)
    reading.add_done_callback(_readings.discard)
    await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
    if reading.done():
        return reading.result()
    reading.cancel()
    log.warning("metrics_without_database", error="no answer in time")
    return None


async def _read_or_say_why() -> Stored | None:
    try:
        async with read_session() as db:
            return await _read(db)
    except (SQLAlchemyError, OSError) as exc:
        log.warning("metrics_without_database", error=first_line(exc))
        return None


async def _read(db: AsyncSession) -> Stored:
    moment: datetime = (await db.execute(clock.database_time())).one()[0]
    live = (await db.execute(queries.live_workers(silence_seconds()))).all()
    running = (await db.execute(queries.running())).all()
    states = await _queues(db, moment, live, running)
    counted: Any = (await db.execute(*counting.count_maintained(None))).all()
    hooks = (await db.execute(queries.webhooks())).one()
    duties = {
        row.name: (row.lease_until - moment).total_seconds()
        for row in await db.execute(queries.duties())
    }
    return Stored(
        tasks=by_status(counted),
        queues=states,
        limits=await list_limits(db),
        workers=_workers(live, running),
        totals=await _totals(db, states),
        counters=await _counters(db),
        duties=duties,
        beat_alive=duties.get(BEAT_DUTY, 0.0) > 0,
        schedules=await _number(db, queries.schedules()),
        schedule_lag_seconds=await _schedule_lag(db, moment),
        webhooks_failing=hooks.failing,
        webhooks_disabled=hooks.disabled,
        deliveries_waiting=await _number(db, queries.waiting_deliveries()),
        actions_unfinished=await _number(db, queries.unfinished_actions(), MOST_ACTIONS),
    )


async def _number(db: AsyncSession, statement: Any, most: int = MOST) -> int:
    number: int = (await db.execute(statement, {"most": most})).one().number
    return number


async def _schedule_lag(db: AsyncSession, moment: datetime) -> float:
    """For how long the earliest slot should have fired; 0 if none should have."""
    first = (await db.execute(queries.next_slot())).first()
    return 0.0 if first is None else max(0.0, (moment - first.slot).total_seconds())


async def _queues(
    db: AsyncSession, moment: datetime, live: Sequence[Any], running: Sequence[Any]
) -> list[QueueNow]:
    """Every known queue, and those that still hold tasks, by name."""
    states = {name: QueueNow(name) for name in catalogue().queues}

    def state(name: str) -> QueueNow:
        return states.setdefault(name, QueueNow(name))

    for known in await db.scalars(queues.all_queues()):
        state(known.name).paused = known.paused_at is not None
        state(known.name).window = known.window
    for worker in live:
        for name in worker.queues:
            state(name).slots += 0 if worker.stopping else worker.slots
    for row in running:
        state(row.queue).running += row.number
    for row in await db.execute(queries.not_ready(), {"most": MOST}):
        state(row.queue).scheduled = row.number
    for row in await db.execute(queries.marked()):
        state(row.queue).dispatched += row.number
        state(row.queue).add(row, moment)
    for name in await db.scalars(feed.queues_with_waiting()):
        await _look_into(db, state(name), moment)
    return [states[name] for name in sorted(states)]


async def _look_into(db: AsyncSession, queue: QueueNow, moment: datetime) -> None:
    """Add what has no hint yet."""
    seen = 0
    bound = {"queue_name": queue.name, "most": MOST}
    for row in await db.execute(queries.next_waiting(), bound):
        queue.add(row, moment)
        seen += row.number
    if seen >= MOST:
        queue.forget_unseen()


def _workers(live: Sequence[Any], running: Sequence[Any]) -> WorkersNow:
    busy: Counter[str] = Counter()
    for row in running:
        busy[row.worker] += row.number
    return WorkersNow(
        agents=len({worker_of(worker.name) for worker in live}),
        processes=len(live),
        slots=sum(worker.slots for worker in live),
        busy=sum(min(busy[worker.name], worker.slots) for worker in live),
    )


async def _totals(db: AsyncSession, states: Sequence[QueueNow]) -> dict[str, Figures]:
    """What has ever happened in each queue, in one where nothing has, too."""
    totals = {state.name: Figures() for state in states}
    for row in await db.execute(queries.totals()):
        totals[row.queue] = Figures.of_row(row)
    return totals


async def _counters(db: AsyncSession) -> dict[tuple[str, str], int]:
    found = {(name.value, label): 0 for name in Counted for label in LABELS[name]}
    for row in await db.execute(queries.counters()):
        found[row.name, row.label] = row.value
    return found
