"""Looks into the stores past the API: for what only the rows and the broker's lists can say."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import redis
from sqlalchemy import Connection, create_engine, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.domain.rank import Priority
from app.domain.schedule import Source
from app.hints import list_key
from app.models import Limit, Task
from app.models.queue import Queue
from app.models.schedule import Schedule as ScheduleRow
from app.models.schedule import ScheduleFire
from app.models.worker import Worker
from tests.support.chaos.history import History, Look, Schedule, Slot

_READY_FOR = timedelta(seconds=1)


class Looker:
    """Reads one database and one broker. Never writes, never raises for a store that is away."""

    def __init__(
        self, database_url: str, broker_url: str, prefix: str, *, lease: float, grace: float
    ) -> None:
        url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        timeout = {"timeout": 2} if url.startswith("sqlite") else {"connect_timeout": 2}
        self._engine = create_engine(url, poolclass=NullPool, connect_args=timeout)
        self._broker = redis.Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
        self._prefix = prefix
        self._silence = timedelta(seconds=lease)
        self._grace = timedelta(seconds=grace)

    def look(self) -> Look | None:
        """One look; None when the database did not answer."""
        now = datetime.now(UTC)
        try:
            with self._engine.connect() as connection:
                windows = {
                    row.name: row.window
                    for row in connection.execute(select(Queue.name, Queue.window))
                }
                return Look(
                    at=time.time(),
                    overdue=self._overdue(connection, now),
                    ready=self._ready(connection, now),
                    idle=self._idle(connection, now),
                    starts=int(connection.scalar(select(func.sum(Task.attempt))) or 0),
                    hints=self._hints(list(windows)),
                    windows=windows,
                    exceeded=self._exceeded(connection),
                )
        except SQLAlchemyError:
            return None

    def read_schedules(self, history: History) -> None:
        """Every schedule as it stands, and every slot that has fired, with the time of reading."""
        with self._engine.connect() as connection:
            schedules = connection.execute(select(ScheduleRow.__table__)).all()
            named = select(ScheduleRow.name, *ScheduleFire.__table__.columns)
            fired = ScheduleFire.task_id.is_not(None)
            fires = connection.execute(
                named.join_from(
                    ScheduleRow, ScheduleFire, ScheduleRow.id == ScheduleFire.schedule_id
                ).where(fired)
            ).all()
        history.facts.ended = time.time()
        history.schedules = [
            Schedule(
                row.name,
                row.definition["seconds"],
                row.next_fire.isoformat(),
                None if row.source == Source.STATIC else row.created_at.timestamp(),
            )
            for row in schedules
            if row.definition["kind"] == "interval"
        ]
        history.slots = [
            Slot(row.name, row.fire_at.isoformat(), str(row.task_id), row.fired_at.isoformat())
            for row in fires
        ]

    def close(self) -> None:
        """Let the broker's connections go; the database's are never kept."""
        self._broker.close()

    def _overdue(self, connection: Connection, now: datetime) -> list[str]:
        late = select(Task.id).where(Task.status == "running", Task.lease_until < now - self._grace)
        return [str(task_id) for task_id in connection.scalars(late)]

    @staticmethod
    def _ready(connection: Connection, now: datetime) -> int:
        held = select(Queue.name).where(Queue.paused_at.is_not(None))
        # Those under a limit may have to wait for it.
        limited = select(Limit.name).where(Limit.kind == "task")
        ready = select(func.count()).where(
            Task.limit_key.is_(None),
            Task.celery_task_name.not_in(limited),
            Task.status == "pending",
            Task.unmet_deps == 0,
            Task.ready_at < now - _READY_FOR,
            Task.queue.not_in(held),
        )
        return int(connection.scalar(ready) or 0)

    @staticmethod
    def _exceeded(connection: Connection) -> list[str]:
        """Counted from the rows of one moment, and not in the way of the system itself."""
        limits = connection.execute(
            select(Limit.kind, Limit.name, Limit.concurrency).where(Limit.concurrency.is_not(None))
        ).all()
        if not limits:
            return []
        out = or_(Task.status == "running", Task.dispatched_at.is_not(None))
        names = (Task.queue, Task.celery_task_name, Task.limit_key)
        unfinished = Task.status.in_(("pending", "running"))
        rows = connection.execute(
            select(*names, func.count()).where(unfinished, out).group_by(*names)
        ).all()
        counts: Counter[tuple[str, str]] = Counter()
        for queue, function, key, number in rows:
            counts[f"queue {queue}", queue] += number
            counts[f"task {function}", function] += number
            if key is not None:
                counts[f"key {key}", key] += number
        return [
            f"{what}: {number} of {allowed}"
            for (what, name), number in counts.items()
            for kind, pattern, allowed in limits
            if what.startswith(kind) and fnmatchcase(name, pattern) and number > (allowed or 0)
        ]

    def _idle(self, connection: Connection, now: datetime) -> int:
        live = select(func.sum(Worker.slots)).where(
            Worker.heartbeat_at > now - self._silence, Worker.stopping.is_(False)
        )
        running = select(func.count()).where(Task.status == "running")
        slots = int(connection.scalar(live) or 0)
        return max(0, slots - int(connection.scalar(running) or 0))

    def _hints(self, queues: list[str]) -> dict[str, int]:
        try:
            return {queue: self._length(queue) for queue in queues}
        except redis.RedisError:
            return {}

    def _length(self, queue: str) -> int:
        total = 0
        for priority in Priority:
            length: Any = self._broker.llen(list_key(self._prefix, queue, priority))
            total += int(length)
        return total
