"""Workers and a broker that misbehave, over the real statements, and what must hold all the same.

The simulation keeps its own opinion of who holds which task. Every answer of a statement is
compared with it, and `check` compares each row with what it was one step before.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.db.session import async_session
from app.domain.lifecycle import FINISHED, TRANSITIONS, Event, TaskStatus
from app.domain.retry import MAX_CRASHES
from app.hints import Hint, encode
from app.maintenance.resend import Resend
from app.models import Queue, Task, TaskDependency
from app.queries import claims, feed
from tests.support.ledger import Ledger, counted
from tests.support.world import QUEUE, Pair, World

Answer = TypeVar("Answer")
WINDOW = 3

# Steps of the table that a row may be seen to have taken, and those that are two in one look:
# removing a task that has not started is a cancel and a removal.
_SEEN = {
    (source, transition.target)
    for transition in TRANSITIONS.values()
    for source in transition.sources
}
_REMOVABLE = TRANSITIONS[Event.REMOVE].sources | TRANSITIONS[Event.CANCEL].sources
# What may change without a new version: the mark, the rank and the lease, and the times that the
# simulation itself moves.
_SILENT = {"dispatched_at", "dispatched_priority", "celery_id", "rank", "lease_until"}
_SILENT |= {"expires_at", "ready_at"}
# So may what a row waits for, and whether others are to be told how it ended.
_SILENT |= {"unmet_deps", "awaited"}


@dataclass
class Held:
    """An attempt that a simulated worker has claimed, and may believe in for too long."""

    pair: Pair
    worker: str


@dataclass
class Simulation:
    """A database, a broker that is a list, and an opinion."""

    world: World
    broker: list[Hint] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    holder: dict[uuid.UUID, Pair] = field(default_factory=dict)
    published: set[uuid.UUID] = field(default_factory=set)
    claimed: set[uuid.UUID] = field(default_factory=set)
    before: dict[uuid.UUID, Row[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in (Task, Queue):
            self.world.database.execute(delete(table))
        self.world.set_window(WINDOW)
        self.resend = _Resend(self)
        self.ledger = Ledger(self.world.database)

    # -- the broker -------------------------------------------------------------------------

    def feed(self) -> None:
        """What the dispatcher does, into a list instead of a server."""
        hints = self.world.dispatcher._take(QUEUE).hints
        ids = [celery_id for hint in hints for _, celery_id in self.publishes(hint)]
        assert not self.published & set(ids), "an id was published twice"
        self.published |= set(ids)
        self.broker += hints

    def publishes(self, hint: Hint) -> list[Pair]:
        """The publishes that a hint speaks of."""
        return [(row.task_id, row.celery_id) for row in hint.rows]

    def pick(self, number: int) -> Hint | None:
        """Some hint, if there is any."""
        return self.broker[number % len(self.broker)] if self.broker else None

    # -- workers ----------------------------------------------------------------------------

    def deliver(self, pairs: list[Pair], worker: str) -> None:
        """A worker claims these publishes by one statement."""
        for row in sorted(self.world.claim(*pairs, worker=worker), key=lambda each: each.id):
            self.began(row.id, row.celery_id, worker)

    def began(self, task_id: uuid.UUID, celery_id: uuid.UUID, worker: str) -> None:
        """An attempt has started."""
        assert celery_id not in self.claimed, "an id was claimed twice"
        assert task_id not in self.holder, "two hold one task"
        self.claimed.add(celery_id)
        self.holder[task_id] = (task_id, celery_id)
        self.held.append(Held((task_id, celery_id), worker))

    def holds(self, pair: Pair) -> bool:
        """Whether that attempt is the one that runs, in our opinion."""
        return self.holder.get(pair[0]) == pair

    def answered(self, pair: Pair, accepted: bool, *, ended: bool = True) -> None:
        """A write of an attempt was taken or refused; it must have been the right answer."""
        assert accepted == self.holds(pair), "the fence gave the wrong answer"
        if accepted and ended:
            del self.holder[pair[0]]

    def call(self, verb: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
        """A verb of the service layer, as the API calls it."""

        async def run() -> Answer:
            async with async_session() as db:
                return await verb(db)

        return asyncio.run(run())

    # -- time -------------------------------------------------------------------------------

    def end_leases(self) -> list[Pair]:
        """All leases run out; whose they were."""
        for task_id in self.holder:
            self.world.end_lease(task_id)
        return list(self.holder.values())

    def let_waits_end(self) -> None:
        """Scheduled rows and waiting retries become ready."""
        for task_id, row in self.rows().items():
            if row.status == TaskStatus.PENDING and row.rank is None:
                self.world.force(task_id, ready_at=self.world.now() - timedelta(seconds=1))
        statement = feed.rank_ready(None, get_settings().ageing_seconds, 100)
        self.world.database.execute(statement)

    # -- what must hold ---------------------------------------------------------------------

    def rows(self) -> dict[uuid.UUID, Row[Any]]:
        """Every task there is."""
        return {
            row.id: row for row in self.world.database.execute(select(Task).order_by(Task.id)).all()
        }

    def edges(self) -> list[Row[Any]]:
        """Every edge there is."""
        return list(self.world.database.execute(select(TaskDependency.__table__)).all())

    def is_needed(self, task_id: uuid.UUID) -> bool:
        """Whether an unfinished task depends on it."""
        ends = [edge.task_id for edge in self.edges() if edge.needs_id == task_id]
        return any(self.before[each].status not in FINISHED for each in ends)

    def waiting(self) -> list[uuid.UUID]:
        """Tasks that wait for others."""
        return [row.id for row in self.rows().values() if row.unmet_deps and _waits(row)]

    def waits_for_some_unfinished(self, task_id: uuid.UUID) -> bool:
        """Whether one of the tasks that it needs has not finished."""
        rows = self.rows()
        needed = [edge.needs_id for edge in self.edges() if edge.task_id == task_id]
        return any(rows[each].status not in FINISHED for each in needed)

    def check(self) -> None:
        """Every row by itself, and against what it was before the last step."""
        rows = self.rows()
        for task_id, old in self.before.items():
            if task_id in rows:
                _check_step(old, rows[task_id])
            else:
                assert old.status in _REMOVABLE or old.delete_requested_at, old
        for row in rows.values():
            self._check_row(row)
        self._check_waits(rows)
        running = {row.id: (row.id, row.celery_id) for row in rows.values() if _runs(row)}
        assert running == self.holder, "the rows and the workers disagree on who holds what"
        marked = [row for row in rows.values() if row.status == "pending" and row.dispatched_at]
        assert len(marked) <= 4 * WINDOW
        statuses = Counter(row.status for row in rows.values())
        assert Counter(counted(self.world.database)) == statuses, "the counts are wrong"
        self.ledger.see(self.before, rows)
        self.before = rows

    def _check_row(self, row: Row[Any]) -> None:
        assert row.tries <= row.max_attempts
        assert row.tries <= row.attempt
        assert row.crash_count <= MAX_CRASHES
        assert 0 <= row.progress <= 100
        assert (row.completed_at is not None) == (row.status in FINISHED)
        assert (row.lease_until is not None) == _runs(row)
        assert row.attempt == 0 or row.created_at <= row.started_at
        assert not row.completed_at or (row.started_at or row.created_at) <= row.completed_at
        if row.status == TaskStatus.PENDING:
            assert row.celery_id not in self.claimed, "a waiting row has a used id"

    def _check_waits(self, rows: dict[uuid.UUID, Row[Any]]) -> None:
        untold: dict[uuid.UUID, list[uuid.UUID]] = {}
        for edge in self.edges():
            if not edge.told:
                untold.setdefault(edge.task_id, []).append(edge.needs_id)
        for row in rows.values():
            if _waits(row):
                needed = untold.get(row.id, [])
                assert row.unmet_deps == len(needed)
                assert all(rows[each].awaited for each in needed), "nobody would tell it"
            if row.unmet_deps:
                assert not _runs(row), "it has started before its turn"
                assert not (_waits(row) and (row.rank or row.dispatched_at))


class _Resend(Resend):
    """Looks into the simulated broker."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.world.database)
        self._simulation = simulation

    def _entries(self, queue: str) -> list[bytes]:  # type: ignore[override]
        return [encode(hint).encode() for hint in self._simulation.broker]


def _runs(row: Row[Any]) -> bool:
    return bool(row.status == TaskStatus.RUNNING)


def _waits(row: Row[Any]) -> bool:
    return bool(row.status == TaskStatus.PENDING)


def _check_step(old: Row[Any], new: Row[Any]) -> None:
    if old.status in FINISHED:
        # But for this: its dependents have been told, or there is a new one.
        changed = [name for name in old._fields if getattr(old, name) != getattr(new, name)]
        assert changed in ([], ["awaited"]), "a finished task changed"
    if old.status != new.status or old.attempt != new.attempt:
        assert (old.status, new.status) in _SEEN, f"{old.status} -> {new.status}"
    if old.attempt == new.attempt:
        assert new.progress >= old.progress, "progress fell within an attempt"
    assert old.attempt <= new.attempt <= old.attempt + 1
    loud = [
        name
        for name in old._fields
        if name not in _SILENT and getattr(old, name) != getattr(new, name)
    ]
    assert new.version > old.version if loud else new.version >= old.version, loud


def claimed_already(world: World, pair: Pair, worker: str) -> bool:
    """Whether a worker whose claim got no answer finds that it was its own."""
    bound = claims.bind_pairs([pair]) | {"worker": worker, "lease_seconds": 30.0}
    return world.database.execute(claims.claimed_already(1), bound).first() is not None
