"""Statements that list and count tasks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.lifecycle import ACTIVE, TaskStatus
from app.models import Task, TaskTag

# Columns that are never NULL, so that a page can go on after a value. `created_at` goes by id:
# ids are UUIDv7, so they sort by creation, and the primary key is the index.
ORDER_COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Task.id,
    "updated_at": Task.updated_at,
    "priority": Task.priority,
    "name": Task.name,
    "status": Task.status,
}


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks. Whatever is None or empty does not restrict; `owner` None sees everybody's."""

    owner: uuid.UUID | None = None
    status: tuple[TaskStatus, ...] = ()
    task_type: str | None = None
    celery_task_name: str | None = None
    queue: str | None = None
    priority: int | None = None
    tag: str | None = None
    owner_ref: str | None = None
    parent_id: uuid.UUID | None = None
    q: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def fits(self, task: Task) -> bool:
        """The same conditions on a row that has been read. Without `q` and the times."""
        return (
            (self.owner is None or task.user_id == self.owner)
            and (not self.status or task.status in self.status)
            and (self.task_type is None or task.task_type == self.task_type)
            and (self.celery_task_name is None or task.celery_task_name == self.celery_task_name)
            and (self.queue is None or task.queue == self.queue)
            and (self.priority is None or task.priority == self.priority)
            and (self.tag is None or self.tag in task.tags)
            and (self.owner_ref is None or task.owner_ref == self.owner_ref)
            and (self.parent_id is None or task.parent_id == self.parent_id)
        )


@dataclass(frozen=True, slots=True)
class After:
    """Where the page before ended: the ordering value and the id of its last row."""

    value: Any
    task_id: uuid.UUID


def list_page(
    wanted: TaskFilter, order_by: str, *, desc: bool, skip: int, limit: int, after: After | None
) -> Select[Task]:
    """One page in a total order, ids deciding between equals."""
    column = ORDER_COLUMNS[order_by]
    statement = select(Task).where(*_conditions(wanted))
    if after is not None:
        statement = statement.where(_beyond(column, after, desc=desc))
    columns = [column] if column is Task.id else [column, Task.id]
    order = [item.desc() if desc else item.asc() for item in columns]
    return statement.order_by(*order).offset(skip or None).limit(limit)


def count_by_status(wanted: TaskFilter) -> Select[str, int]:
    """How many, by status."""
    return select(Task.status, func.count()).where(*_conditions(wanted)).group_by(Task.status)


def active(wanted: TaskFilter, limit: int) -> Select[Task]:
    """The newest of those that wait or run, for a stream's first view."""
    statuses = [status.value for status in sorted(ACTIVE)]
    return (
        select(Task)
        .where(*_conditions(wanted), Task.status.in_(statuses))
        .order_by(Task.id.desc())
        .limit(limit)
    )


def by_ids(ids: Iterable[uuid.UUID]) -> Select[Task]:
    """These tasks, as far as they exist, in no order."""
    return select(Task).where(Task.id.in_(list(ids)))


def _conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    equal: list[tuple[InstrumentedAttribute[Any], Any]] = [
        (Task.user_id, wanted.owner),
        (Task.task_type, wanted.task_type),
        (Task.celery_task_name, wanted.celery_task_name),
        (Task.queue, wanted.queue),
        (Task.priority, wanted.priority),
        (Task.owner_ref, wanted.owner_ref),
        (Task.parent_id, wanted.parent_id),
    ]
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in equal if value is not None
    ]
    if wanted.status:
        conditions.append(Task.status.in_([status.value for status in wanted.status]))
    if wanted.tag is not None:
        tagged = and_(TaskTag.task_id == Task.id, TaskTag.tag == wanted.tag)
        conditions.append(exists().where(tagged))
    if wanted.q is not None:
        conditions.append(Task.name.icontains(wanted.q, autoescape=True))
    if wanted.created_after is not None:
        conditions.append(Task.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(Task.created_at < wanted.created_before)
    return conditions


def _beyond(column: InstrumentedAttribute[Any], after: After, *, desc: bool) -> ColumnElement[bool]:
    farther = Task.id < after.task_id if desc else Task.id > after.task_id
    if column is Task.id:
        return farther
    beyond = column < after.value if desc else column > after.value
    return or_(beyond, and_(column == after.value, farther))
