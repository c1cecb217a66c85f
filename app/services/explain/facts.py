"""What is looked at to explain a task: a bounded number of rows, whatever waits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.db.base import to_micros
from app.domain.lifecycle import Event, may
from app.domain.rank import level
from app.models import Task, Worker
from app.queries import clock
from app.queries import explaining as queries
from app.queries import workers as worker_queries
from app.services import health
from app.services.limits import Blocking, blocking
from app.services.worker import silence_seconds

# Needed tasks that are named.
MAX_NEEDS = 10
# So far tasks ahead are counted.
MAX_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many tasks are ahead in the queue, at most 1,000; `more`: there are more than that.

    `seconds` is how long they run one after the other, None where that is not known.
    """

    number: int = 0
    more: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A task and, while it is pending, its surroundings at the same moment."""

    task: Task
    now: datetime
    needs: Sequence[Row[Any]] = ()
    paused_at: datetime | None = None
    paused_by: str | None = None
    # Live ones that take new tasks.
    workers: Sequence[Worker] = ()
    # Tasks that run, by the name of the worker.
    running: Mapping[str | None, int] = field(default_factory=dict)
    ahead: Ahead = Ahead()
    broker_answers: bool = True
    # Limits that let no further task out.
    full: Sequence[Blocking] = ()

    @property
    def serving(self) -> list[Worker]:
        """The workers that read the task's queue."""
        return [each for each in self.workers if self.task.queue in each.queues]

    @property
    def able(self) -> list[Worker]:
        """Those of them that have its function."""
        return [each for each in self.serving if self.task.celery_task_name in each.catalogue]

    @property
    def slots(self) -> int:
        """How many tasks the able ones run at a time."""
        return sum(each.slots for each in self.able)

    @property
    def busy(self) -> int:
        """How many of those slots are taken; a burst holds many rows in one."""
        return sum(min(each.slots, self.running.get(each.name, 0)) for each in self.able)


async def read_facts(db: AsyncSession, task: Task, owner: uuid.UUID | None) -> Facts:
    """Look at all that may stand in the task's way. Waits at most 1.5 s for a silent broker."""
    now: datetime = (await db.execute(clock.database_time())).one()[0]
    if not may(Event.FEED, task.status):
        return Facts(task, now)
    needs = queries.unfinished_needs(task.id, owner, MAX_NEEDS)
    pause = (await db.execute(queries.pause_of(task.queue))).first()
    # A session that has read a worker before would answer what it read then.
    fresh = worker_queries.live_workers(silence_seconds()).execution_options(populate_existing=True)
    live = await db.scalars(fresh)
    workers = [each for each in live if not each.stopping]
    names = [each.name for each in workers if task.queue in each.queues]
    return Facts(
        task,
        now,
        needs=(await db.execute(needs)).all() if task.unmet_deps else (),
        paused_at=pause and pause.paused_at,
        paused_by=pause and pause.paused_by,
        workers=workers,
        running={row[0]: row[1] for row in await db.execute(queries.running_on(names))},
        ahead=await _ahead(db, task, now),
        broker_answers=(await health.ask_broker()).status == "ok",
        full=await blocking(db, task) if task.rank is not None else (),
    )


async def _ahead(db: AsyncSession, task: Task, now: datetime) -> Ahead:
    if task.rank is None:
        return Ahead()  # it has no place in the queue yet
    own = task.dispatched_priority or level(
        task.rank, to_micros(now), get_settings().ageing_seconds
    )
    rows = (await db.execute(queries.ahead(task, own, MAX_AHEAD + 1))).all()
    number = sum(row.number for row in rows)
    seconds: float | None = None
    if number <= MAX_AHEAD and all(row.mean_seconds is not None for row in rows):
        seconds = sum(row.number * row.mean_seconds for row in rows)
    return Ahead(min(number, MAX_AHEAD), number > MAX_AHEAD, seconds)
