"""Our backlog: rows put into a paused queue, released at once, and judged afterwards."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, create_engine, func, insert, select, update
from uuid_utils.compat import uuid7

from app.db.clock import now
from app.db.upsert import insert as upsert
from app.models import Queue, Task, TaskAttempt, TaskRuntime
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue

QUEUE = "default"
# A recorded run of 11 days: no slice will ever seem short enough.
SLOW_SECONDS = 1e6
_CHUNK = 1000


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

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def pause(self) -> None:
        """Let nothing of the queue out."""
        statement = upsert(Queue).values(name=QUEUE, paused_at=now())
        again = statement.on_conflict_do_update(
            index_elements=["name"], set_={"paused_at": statement.excluded.paused_at}
        )
        with self._engine.begin() as connection:
            connection.execute(again)

    def release(self) -> None:
        """Let everything out; the agent's next look finds it."""
        with self._engine.begin() as connection:
            connection.execute(update(Queue).where(Queue.name == QUEUE).values(paused_at=None))

    def fill(self, function: str, count: int, label: str) -> None:
        """Insert `count` rows as the service builds them, under `label` as their task type."""
        new = NewTask(name=label, task_type=label, celery_task_name=function)
        with self._engine.begin() as connection:
            # The times and the rank are expressions; the first row has them computed.
            first = build_row(new, catalogue())
            table = cast("Table", Task.__table__)
            connection.execute(insert(table).values(first))
            row = connection.execute(select(table).where(table.c.id == first["id"])).one()
            rest = [_copy(row) for _ in range(count - 1)]
            for start in range(0, len(rest), _CHUNK):
                connection.execute(insert(table), rest[start : start + _CHUNK])

    def call_slow(self, function: str) -> None:
        """Record that a run of the function was slow, so that its rows are not sliced."""
        facts = {"samples": 1000, "mean_seconds": SLOW_SECONDS, "peak_seconds": SLOW_SECONDS}
        statement = upsert(TaskRuntime).values(celery_task_name=function, updated_at=now(), **facts)
        again = statement.on_conflict_do_update(index_elements=["celery_task_name"], set_=facts)
        with self._engine.begin() as connection:
            connection.execute(again)

    def unfinished(self, label: str) -> int:
        """Rows that have not ended."""
        statement = select(func.count()).where(
            Task.task_type == label, Task.status.in_(["pending", "running"])
        )
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def verdict(self, label: str) -> Verdict:
        """Read the history of a round."""
        of_round = Task.task_type == label
        once = of_round & (Task.status == "succeeded") & (Task.attempt == 1) & (Task.tries == 1)
        earlier = select(func.count()).where(
            TaskAttempt.task_id.in_(select(Task.id).where(of_round))
        )
        with self._engine.connect() as connection:
            return Verdict(
                connection.execute(select(func.count()).where(of_round)).scalar_one(),
                connection.execute(select(func.count()).where(once)).scalar_one(),
                connection.execute(earlier).scalar_one(),
            )


def _copy(row: Any) -> dict[str, Any]:
    return {**row._mapping, "id": uuid7(), "celery_id": uuid.uuid4()}
