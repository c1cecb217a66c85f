"""Rows, hints and attempts without processes: the real statements, called step by step."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from app.core.broker import sync_client
from app.core.config import get_settings
from app.db.session import Database
from app.dispatch import Dispatcher
from app.domain.lifecycle import TaskStatus
from app.domain.rank import Priority
from app.feeder import FeedReport
from app.hints import HintRow, list_key, rows_of
from app.models import Task, TaskAttempt
from app.queries import claims, clock, due, feed, leases, tasks
from app.services import attempts
from app.services.attempts import Outcome, Settled
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue
from app.services.inserting import insertion
from app.services.steps import carry_out_on

Pair = tuple[uuid.UUID, uuid.UUID]
NOOP = "tests.support.tasks.noop"
QUEUE = "default"


class World:
    """One database and one broker prefix, as a test's settings name them."""

    def __init__(self) -> None:
        self.database = Database(pool_size=2)
        self.dispatcher = Dispatcher(self.database)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    @property
    def is_postgresql(self) -> bool:
        """Which of the two databases it is."""
        return not get_settings().is_sqlite

    # -- rows -------------------------------------------------------------------------------

    def add(self, function: str = NOOP, **fields: Any) -> uuid.UUID:
        """A submitted task; fields of `NewTask`, or columns to force on its row."""
        (task_id,) = self.add_all([{"celery_task_name": function, **fields}])
        return task_id

    def add_many(self, count: int, **fields: Any) -> list[uuid.UUID]:
        """Several alike, submitted one after the other, in that order."""
        return [self.add(**fields) for _ in range(count)]

    def add_all(self, each: Sequence[dict[str, Any]]) -> list[uuid.UUID]:
        """Some hundred submitted at once, each with the fields of `add`, the same ones for all."""
        known = NewTask.__dataclass_fields__
        given = {"name": "n", "task_type": "t", "celery_task_name": NOOP}
        rows = []
        for fields in each:
            new = {**given, **{name: fields[name] for name in fields if name in known}}
            forced = {name: fields[name] for name in fields if name not in known}
            rows.append(build_row(NewTask(**new), catalogue()) | forced)
        self.database.execute(tasks.insert_tasks(rows))
        return [uuid.UUID(str(row["id"])) for row in rows]

    def add_needing(self, *needed: uuid.UUID, **fields: Any) -> uuid.UUID:
        """A submitted task that depends on others, with its edges; `fields` as of `NewTask`."""
        given: dict[str, Any] = {"name": "n", "task_type": "t", "celery_task_name": NOOP, **fields}
        new = NewTask(**given, depends_on=needed)
        row = build_row(new, catalogue())
        with self.database.transaction() as connection:
            carry_out_on(connection, insertion([row], new.may_see))
        return uuid.UUID(str(row["id"]))

    def row(self, task_id: uuid.UUID) -> Row[Any]:
        """The task as it is now."""
        return self.database.execute(tasks.get(task_id)).one()

    def gone(self, task_id: uuid.UUID) -> bool:
        """Whether the row has ceased to exist."""
        return self.database.execute(tasks.get(task_id)).first() is None

    def force(self, task_id: uuid.UUID, **values: Any) -> None:
        """What only time or a fault could do to a row."""
        self.database.execute(update(Task).where(Task.id == task_id).values(**values))

    def now(self) -> datetime:
        """The database's time."""
        found: datetime = self.database.execute(clock.database_time()).one()[0]
        return found

    def end_lease(self, task_id: uuid.UUID) -> None:
        """Nobody has renewed for a while."""
        self.force(task_id, lease_until=self.now() - timedelta(seconds=1))

    def history(self, task_id: uuid.UUID) -> list[Row[Any]]:
        """Attempts that were followed by another one, oldest first."""
        statement = select(TaskAttempt).where(TaskAttempt.task_id == task_id)
        return list(self.database.execute(statement.order_by(TaskAttempt.attempt)).all())

    def statuses(self) -> dict[str, int]:
        """How many rows are in each status."""
        counts: dict[str, int] = {}
        for status in self.database.execute(select(Task.status)).column():
            counts[status] = counts.get(status, 0) + 1
        return counts

    def marked(self, queue: str = QUEUE) -> int:
        """Rows that count as being in the broker."""
        rows: Any = self.database.execute(feed.outstanding(), {"queue_name": queue}).all()
        return sum(row[1] for row in rows)

    # -- the broker -------------------------------------------------------------------------

    def feed(self, queue: str = QUEUE) -> FeedReport:
        """One feed."""
        return self.dispatcher.feed(queue)

    def set_window(self, window: int, slots: int = 2, queue: str = QUEUE) -> None:
        """What the agents see of a queue's workers."""
        self.database.execute(feed.ensure_queue(queue))
        self.database.execute(leases.set_window(queue, slots, window))

    def key(self, level: int = Priority.NORMAL, queue: str = QUEUE) -> str:
        """The broker's list of a queue and priority."""
        return list_key(get_settings().broker_key_prefix, queue, level)

    def messages(self, level: int = Priority.NORMAL, queue: str = QUEUE) -> list[dict[str, Any]]:
        """The messages of one list, in the order in which workers will take them."""
        entries = sync_client().lrange(self.key(level, queue), 0, -1)
        assert isinstance(entries, list)
        return [json.loads(entry) for entry in reversed(entries)]

    def hints(self, level: int = Priority.NORMAL, queue: str = QUEUE) -> list[HintRow]:
        """The rows that the messages of one list speak of, in that order."""
        found: list[HintRow] = []
        for message in self.messages(level, queue):
            found += rows_of(message["headers"]) or []
        return found

    def levels(self, queue: str = QUEUE) -> dict[str, int]:
        """Rows in the broker by priority, empty lists left out."""
        counts = {level.name: len(self.hints(level, queue)) for level in Priority}
        return {name: count for name, count in counts.items() if count}

    # -- attempts ---------------------------------------------------------------------------

    def mark(self, *ids: uuid.UUID) -> Sequence[Row[Any]]:
        """Mark rows of one queue as dispatched, without a broker; those that could be."""
        named = {"queue_name": self.row(ids[0]).queue, "ids": list(ids), "level": Priority.NORMAL}
        return self.database.execute(feed.mark(), named).all()

    def pair(self, task_id: uuid.UUID) -> Pair:
        """The publish that may be claimed now, or the attempt that runs."""
        return task_id, self.row(task_id).celery_id

    def claim(
        self, *pairs: Pair, worker: str = "w1", lease_seconds: float = 30.0
    ) -> list[Row[Any]]:
        """Claim these publishes in one statement; the rows that were got."""
        bound = claims.bind_pairs(list(pairs))
        bound |= {"worker": worker, "lease_seconds": lease_seconds}
        return list(self.database.execute(claims.claim(len(pairs)), bound).all())

    def running(self, worker: str = "w1", **fields: Any) -> Pair:
        """A task that was submitted, marked and claimed."""
        task_id = self.add(**fields)
        self.mark(task_id)
        (row,) = self.claim(self.pair(task_id), worker=worker)
        return row.id, row.celery_id

    def settle(
        self, *pairs: Pair, status: TaskStatus = TaskStatus.SUCCEEDED, **outcome: Any
    ) -> Sequence[Settled]:
        """End these attempts alike; what became of the rows that were still theirs."""
        return attempts.settle(
            self.database, [(pair, Outcome(status, **outcome)) for pair in pairs]
        )

    def report(self, pair: Pair, progress: float | None, message: str | None = None) -> bool:
        """Report progress; False if the attempt is not the running one any more."""
        bound = {**claims.bind_pairs([pair]), "progress": progress, "message": message}
        return self.database.execute(claims.report_progress(), bound).first() is not None


def to_do(world: World) -> set[tuple[str, str]]:
    """What an agent's look finds: kinds of work, some with a queue."""
    return {(row.kind, row.queue) for row in world.database.run((due.look(), {}))[0].all()}
