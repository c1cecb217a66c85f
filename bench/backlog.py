"""Our backlog: rows put into a paused queue, released at once, and judged afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, event, func, select, text, update
from sqlalchemy.exc import OperationalError

from app.db.clock import now
from app.db.upsert import insert as upsert
from app.models import Queue, Task, TaskAttempt, TaskRuntime
from app.queries import feed
from bench import upkeep
from bench.rows import Store, copies

QUEUE = "default"
PAUSES = 3
# A recorded run of 11 days: no slice will ever seem short enough.
SLOW_SECONDS = 1e6
# What the record says of a function that returns at once, after some thousand runs of it.
SHORT_SECONDS = 0.0002


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rows of a round say once it is over."""

    rows: int
    once: int
    earlier_attempts: int

    def proves(self, count: int) -> bool:
        """Whether all of them succeeded at their first and only attempt."""
        return self.rows == self.once == count and self.earlier_attempts == 0


class Backlog:
    """The rows of our rounds in one database. Finished rows stay, as in real life."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        if self._engine.dialect.name == "sqlite":
            # As the application does: a transaction that reads first must not fail when it writes.
            event.listen(self._engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        self._store = Store(url)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def pause(self) -> None:
        """Let nothing of the queue out, and take back what is out and not claimed."""
        statement = upsert(Queue).values(name=QUEUE, paused_at=now())
        again = statement.on_conflict_do_update(
            index_elements=["name"], set_={"paused_at": statement.excluded.paused_at}
        )
        for times_left in reversed(range(PAUSES)):
            try:
                with self._engine.begin() as connection:
                    connection.execute(again)
                    connection.execute(feed.unmark_queue(QUEUE))
                return
            except OperationalError:
                # It met a claim that locks the same rows in another order.
                if times_left == 0:
                    raise

    def release(self) -> None:
        """Let everything out; the agent's next look finds it."""
        with self._engine.begin() as connection:
            connection.execute(update(Queue).where(Queue.name == QUEUE).values(paused_at=None))

    def fill(
        self,
        function: str,
        count: int,
        label: str,
        arguments: Callable[[int], list[Any]] | None = None,
    ) -> None:
        """Insert `count` rows as the service builds them, under `label` as their task type."""
        row = self._store.build(function, label, arguments(0) if arguments else ())

        def changes(number: int) -> dict[str, Any]:
            return {"args": json.dumps(arguments(number))} if arguments else {}

        self._store.add("tasks", copies(self._store, row, count, changes))
        # Counting what was submitted is no work of whoever runs it.
        self.fold()

    def fold(self) -> None:
        """Write down what has been noted for counts, which the agent would do within seconds."""
        upkeep.fold(upkeep.Direct(self._engine))

    def name(self) -> None:
        """Mark the names of what has been submitted, which the agent would do within a minute or so."""
        upkeep.name(upkeep.Direct(self._engine))

    def record(self, function: str, seconds: float) -> None:
        """Note how long runs of the function took: what feed knows before it makes slices."""
        facts = {"samples": 1000, "mean_seconds": seconds, "peak_seconds": seconds}
        statement = upsert(TaskRuntime).values(celery_task_name=function, updated_at=now(), **facts)
        again = statement.on_conflict_do_update(index_elements=["celery_task_name"], set_=facts)
        with self._engine.begin() as connection:
            connection.execute(again)

    def running(self) -> int:
        """Rows that run. By the index of those, so that asking often costs nothing."""
        return self._count(text("status = 'running'"))

    def waiting(self, label: str) -> int:
        """Rows that have not begun."""
        return self._count(Task.task_type == label, Task.status == "pending")

    def succeeded(self, label: str) -> int:
        """Rows that have succeeded."""
        return self._count(Task.task_type == label, Task.status == "succeeded")

    def verdict(self, label: str) -> Verdict:
        """Read the history of a round."""
        of_round = Task.task_type == label
        once = (Task.status == "succeeded", Task.attempt == 1, Task.tries == 1)
        earlier = select(func.count()).where(
            TaskAttempt.task_id.in_(select(Task.id).where(of_round))
        )
        with self._engine.connect() as connection:
            attempts = connection.execute(earlier).scalar_one()
        return Verdict(self._count(of_round), self._count(of_round, *once), attempts)

    def _count(self, *conditions: Any) -> int:
        with self._engine.connect() as connection:
            statement = select(func.count()).select_from(Task).where(*conditions)
            return int(connection.execute(statement).scalar_one())
