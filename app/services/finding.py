"""Finding tasks, and what is kept with them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import TaskStatus
from app.models import Task, TaskAttempt, TaskCheckpoint, TaskLog
from app.queries import checkpoints
from app.queries import tasks as queries
from app.services import listing


def as_uuid(task_id: uuid.UUID | str) -> uuid.UUID | None:
    """The id, or None for text that is none."""
    if isinstance(task_id, uuid.UUID):
        return task_id
    try:
        return uuid.UUID(str(task_id))
    except ValueError:
        return None


async def get_task(
    db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
) -> Task | None:
    """The task, or None if there is none (or it is somebody else's)."""
    found = as_uuid(task_id)
    return None if found is None else await find(db, found, owner)


async def find(db: AsyncSession, task_id: uuid.UUID, owner: uuid.UUID | None) -> Task | None:
    """`get_task` for an id that is one."""
    # A session that has read the row before would answer what it read then.
    fresh = queries.get(task_id, owner).execution_options(populate_existing=True)
    return (await db.scalars(fresh)).first()


async def get_tasks(
    db: AsyncSession,
    status: TaskStatus | str | None = None,
    task_type: str | None = None,
    skip: int = 0,
    limit: int = 100,
) -> list[Task]:
    """Tasks, newest first."""
    wanted = listing.TaskFilter(
        status=() if status is None else (TaskStatus(status),), task_type=task_type
    )
    page = await listing.list_tasks(db, wanted, skip=skip, limit=limit)
    return list(page.tasks)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a task. An attempt that was followed by another one had not been cancelled."""

    attempt: int
    celery_id: uuid.UUID
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str
    error: dict[str, Any] | None
    cancel_requested_at: datetime | None = None
    cancel_acknowledged_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    checkpoint_at: datetime | None = None


async def get_attempts(
    db: AsyncSession, task: Task, after: int = 0, limit: int = 1000
) -> list[Attempt]:
    """The attempts so far behind that number, oldest first; the latest is read off the task itself."""
    rows = await db.scalars(queries.attempts(task.id, after, limit))
    ended = [_ended_attempt(row) for row in rows]
    last = ended[-1].attempt if ended else after
    if task.started_at and last < task.attempt and len(ended) < limit:
        ended.append(_latest_attempt(task))
    if (kept := (await db.execute(checkpoints.written(task.id))).first()) is None:
        return ended
    return [
        replace(each, checkpoint_at=kept.written_at) if each.attempt == kept.attempt else each
        for each in ended
    ]


async def get_checkpoint(db: AsyncSession, task_id: uuid.UUID) -> TaskCheckpoint | None:
    """What the task keeps for its next attempt; None if it keeps nothing."""
    fresh = checkpoints.get(task_id).execution_options(populate_existing=True)
    return (await db.scalars(fresh)).first()


async def get_logs(
    db: AsyncSession, task_id: uuid.UUID, after_id: int = 0, limit: int = 1000
) -> list[TaskLog]:
    """Lines the task logged, oldest first."""
    return list((await db.scalars(queries.logs(task_id, after_id, limit))).all())


def _ended_attempt(row: TaskAttempt) -> Attempt:
    return Attempt(
        attempt=row.attempt,
        celery_id=row.celery_id,
        worker=row.worker,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        error=row.error,
    )


def _latest_attempt(task: Task) -> Attempt:
    return Attempt(
        attempt=task.attempt,
        celery_id=task.celery_id,
        worker=task.worker,
        started_at=task.started_at,
        ended_at=task.completed_at,
        outcome=task.status,
        error=task.error,
        cancel_requested_at=task.cancel_requested_at,
        cancel_acknowledged_at=task.cancel_acknowledged_at,
        stopped_at=task.completed_at if task.stopped_by else None,
        stopped_by=task.stopped_by,
    )
