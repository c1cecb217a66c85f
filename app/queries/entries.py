"""Statements that compare the entries of tasks with the tasks, and write them anew.

Triggers keep them alike. What is imported while those are switched off, they do not see.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
)

from app.db.lists import one_of
from app.models import Task, TaskEntry

_COLUMNS = [column.key for column in TaskEntry.__table__.columns]
_TASK = [getattr(Task, name) for name in _COLUMNS]


def _differ() -> ColumnElement[bool]:
    return or_(
        TaskEntry.id.is_(None),
        *(getattr(TaskEntry, name).is_distinct_from(getattr(Task, name)) for name in _COLUMNS),
    )


def unlisted(start: uuid.UUID, end: uuid.UUID | None, limit: int) -> Select[uuid.UUID]:
    """Tasks behind `start`, up to `end`, that have no entry or a wrong one."""
    page = Task.id > start if end is None else and_(Task.id > start, Task.id <= end)
    return (
        select(Task.id)
        .join(TaskEntry, TaskEntry.id == Task.id, isouter=True)
        .where(page, _differ())
        .order_by(Task.id)
        .limit(limit)
    )


def locked(tasks: Select[uuid.UUID]) -> Select[uuid.UUID]:
    """The same, and nobody changes these tasks until the transaction ends."""
    return tasks.with_for_update(of=Task)


def left_over(limit: int) -> Select[uuid.UUID]:
    """Entries without a task."""
    return select(TaskEntry.id).where(~exists().where(Task.id == TaskEntry.id)).limit(limit)


def forget(ids: Sequence[uuid.UUID]) -> Delete:
    """Remove entries."""
    return delete(TaskEntry).where(one_of(TaskEntry.id, ids))


def enter(ids: Sequence[uuid.UUID]) -> Insert:
    """Make the entries of tasks."""
    return insert(TaskEntry).from_select(_COLUMNS, select(*_TASK).where(one_of(Task.id, ids)))
