"""Finding tasks, and what is kept with them."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import TaskStatus
from app.models import Task, TaskAttempt, TaskLog
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


async def get_attempts(db: AsyncSession, task: Task) -> list[TaskAttempt]:
    """Every attempt so far, oldest first; the latest is read off the task itself."""
    ended = list((await db.scalars(queries.attempts(task.id))).all())
    if task.attempt and task.started_at and (not ended or ended[-1].attempt < task.attempt):
        ended.append(_latest_attempt(task))
    return ended


async def get_logs(
    db: AsyncSession, task_id: uuid.UUID, after_id: int = 0, limit: int = 1000
) -> list[TaskLog]:
    """Lines the task logged, oldest first."""
    return list((await db.scalars(queries.logs(task_id, after_id, limit))).all())


def _latest_attempt(task: Task) -> TaskAttempt:
    return TaskAttempt(
        task_id=task.id,
        attempt=task.attempt,
        celery_id=task.celery_id,
        worker=task.worker,
        started_at=task.started_at,
        ended_at=task.completed_at,
        outcome=task.status,
        error=task.error,
    )
