"""Statements that look at what stands between a task and its start. Each looks at few rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Uuid,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from app.domain.lifecycle import Event
from app.models import Queue, Task, TaskDependency, TaskRuntime
from app.queries.guards import legal
from app.queries.tasks import owned
from app.queries.types import Rows


def unfinished_needs(task_id: uuid.UUID, owner: uuid.UUID | None, limit: int) -> Rows:
    """Tasks that this one still waits for and `owner` may see: `id, name, status`."""
    return (
        select(Task.id, Task.name, Task.status)
        .join(TaskDependency, TaskDependency.needs_id == Task.id)
        .where(TaskDependency.task_id == task_id, ~TaskDependency.told, owned(owner))
        .order_by(Task.id)
        .limit(limit)
    )


def pause_of(queue: str) -> Select[datetime | None, str | None]:
    """Since when a queue is paused, and by whom. No row for a queue that was never used."""
    return select(Queue.paused_at, Queue.paused_by).where(Queue.name == queue)


def running_on(workers: Sequence[str]) -> Select[str | None, int]:
    """How many tasks run on each of these workers."""
    return (
        select(Task.worker, func.count())
        .where(legal(Event.REPORT), Task.worker.in_(list(workers)))
        .group_by(Task.worker)
    )


def ahead(task: Task, level: int, limit: int) -> Rows:
    """`celery_task_name, number, mean_seconds` of what is before a ready task in its queue.

    Those that wait before it, unless it is in the broker itself, and those that are in the broker
    under a priority that is not below `level`, or earlier than it under the same one. `mean_seconds`
    is how long the function runs, if that is known. Looks at `limit` rows of either kind.
    """
    parts = [_marked_before(task, level)]
    if task.dispatched_at is None:
        # Those in other lanes are passed by, or pass it, when there is a place for their kind.
        waiting = (Task.dispatched_at.is_(None), Task.lane == task.lane)
        parts.append(_of_queue(task, *waiting, _better(task)))
    found = union_all(*(select(each.limit(limit).subquery().c.name) for each in parts)).subquery()
    return (
        select(found.c.name, func.count().label("number"), TaskRuntime.mean_seconds)
        .join(TaskRuntime, TaskRuntime.celery_task_name == found.c.name, isouter=True)
        .group_by(found.c.name, TaskRuntime.mean_seconds)
    )


def _marked_before(task: Task, level: int) -> Select[str]:
    among_equals = true() if task.dispatched_at is None else _better(task)
    return _of_queue(
        task,
        Task.dispatched_at.is_not(None),
        or_(
            Task.dispatched_priority > level, and_(Task.dispatched_priority == level, among_equals)
        ),
    )


def _of_queue(task: Task, *where: ColumnElement[bool]) -> Select[str]:
    same = (Task.queue == task.queue, legal(Event.FEED), Task.rank.is_not(None))
    return select(Task.celery_task_name.label("name")).where(*same, *where)


def _better(task: Task) -> ColumnElement[bool]:
    return tuple_(Task.rank, Task.id) < tuple_(
        literal(task.rank, BigInteger), literal(task.id, Uuid())
    )
