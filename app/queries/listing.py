"""Statements that list and count tasks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from app.db.plans import aside, one_of
from app.models import Task, TaskEntry, TaskTag
from app.queries.filters import TaskFilter
from app.queries.guards import status_in
from app.queries.ways import Branch, Way, Within, within

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
class After:
    """Where the page before ended: the ordering value and the id of its last row."""

    value: Any
    task_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is wanted, in which direction."""

    desc: bool = True
    skip: int = 0
    limit: int = 100
    after: After | None = None

    @property
    def after_id(self) -> uuid.UUID | None:
        """The last row of the page before."""
        return None if self.after is None else self.after.task_id

    def cut(self, statement: Select[Any], *columns: Any) -> Select[Any]:
        """This part of the statement's rows, in the order of the columns."""
        order = [each.desc() if self.desc else each.asc() for each in columns]
        return statement.order_by(*order).offset(self.skip or None).limit(self.limit)


def newest(wanted: TaskFilter, part: Part, way: Way | None) -> Select[Task]:
    """In the order of creation, along the way. Ids decide, so the order is total."""
    if way is None:
        return _along(None, wanted, part, Task)
    if len(way.branches) == 1:
        return _along(way.branches[0], wanted, part, Task)
    # Of every branch as many as could be needed.
    all_ = replace(part, skip=0, limit=part.skip + part.limit)
    parts = [_along(branch, wanted, all_, Task.id).subquery() for branch in way.branches]
    ids = union_all(*(select(each.c.id) for each in parts)).subquery()
    return part.cut(select(Task).where(one_of(Task.id, select(ids.c.id))), Task.id)


def _along(branch: Branch | None, wanted: TaskFilter, part: Part, what: Any) -> Select[Any]:
    column = Task.id if branch is None else branch.id
    bounds: list[ColumnElement[bool]] = []
    if not isinstance(branch, Within):
        bounds += within(column, wanted, part.after_id, desc=part.desc)
    if branch is not None and branch.table is not Task:
        # For both: PostgreSQL may merge the two, and would begin with the newest task of all.
        bounds += within(aside(Task.id), wanted, part.after_id, desc=part.desc)
    return part.cut(_found(select(what), branch, wanted).where(*bounds), column)


def by_priority(wanted: TaskFilter, part: Part) -> Select[Task]:
    """In the order of priority, along the index of it."""
    columns = (TaskEntry.priority, TaskEntry.id)
    statement = select(Task).join(TaskEntry, TaskEntry.id == Task.id)
    conditions = [*_conditions(wanted, TaskEntry), *_beyond(part, *columns)]
    return part.cut(statement.where(*conditions), *columns)


def ordered(order_by: str, wanted: TaskFilter, part: Part, way: Way | None) -> Select[Task]:
    """In another order: everything along the way is read and sorted, ids deciding between equals."""
    columns = (ORDER_COLUMNS[order_by], Task.id)
    statement = _all_along(select(Task), wanted, way)
    return part.cut(statement.where(*_beyond(part, *columns)), *columns)


def count_by_status(wanted: TaskFilter, way: Way | None) -> Select[str, int]:
    """How many, by status."""
    counted = select(Task.status, func.count()).select_from(Task)
    return _all_along(counted, wanted, way).group_by(Task.status)


def _all_along(statement: Any, wanted: TaskFilter, way: Way | None) -> Select[Any]:
    branch = None if way is None else way.as_one
    column = Task.id if branch is None else branch.id
    bounds = () if isinstance(branch, Within) else within(column, wanted, None, desc=True)
    return _found(statement, branch, wanted).where(*bounds)


def by_ids(ids: Iterable[uuid.UUID]) -> Select[Task]:
    """These tasks, as far as they exist, in no order."""
    return select(Task).where(Task.id.in_(list(ids)))


def versions(ids: Iterable[uuid.UUID]) -> Select[uuid.UUID, int]:
    """Ids and versions of these tasks, as far as they exist, in no order."""
    return only_versions(by_ids(ids))


def only_versions(tasks: Select[Task]) -> Select[uuid.UUID, int]:
    """Of the tasks that a statement finds."""
    return tasks.with_only_columns(Task.id, Task.version, maintain_column_froms=True)


def _found(statement: Select[Any], branch: Branch | None, wanted: TaskFilter) -> Select[Any]:
    """Restricted to what is wanted, in no order."""
    if branch is None:
        return statement.where(*_conditions(wanted))
    if branch.table is not Task:
        statement = statement.join(branch.table, branch.id == Task.id)
    return statement.where(branch.where, *_conditions(branch.rest, branch.table))


def _conditions(wanted: TaskFilter, beside: Any = Task) -> Iterator[ColumnElement[bool]]:
    """What is wanted, of the entry if that is read anyway, else of the task.

    It is to be tried on the rows that are found along a way, and no way itself.
    """
    row: Any = TaskEntry if beside is TaskEntry else Task
    for column, value in (
        (row.user_id, wanted.owner),
        (row.task_type, wanted.task_type),
        (row.celery_task_name, wanted.celery_task_name),
        (row.queue, wanted.queue),
        (row.priority, wanted.priority),
        (row.owner_ref, wanted.owner_ref),
        (Task.parent_id, wanted.parent_id),
    ):
        if value is not None:
            yield aside(column) == value
    if wanted.status:
        yield status_in(aside(Task.status), wanted.status)
    if wanted.tag is not None:
        yield exists().where(and_(TaskTag.task_id == Task.id, TaskTag.tag == wanted.tag))
    if wanted.q is not None:
        yield Task.name.icontains(wanted.q, autoescape=True)
    if wanted.created_after is not None:
        yield Task.created_at >= wanted.created_after
    if wanted.created_before is not None:
        yield Task.created_at < wanted.created_before


def _beyond(part: Part, *columns: Any) -> Iterator[ColumnElement[bool]]:
    if part.after is not None:
        values = (part.after.value, part.after.task_id)
        # Typed as their columns are: a tuple gives its members no types.
        there = tuple_(*(literal(v, c.type) for v, c in zip(values, columns, strict=True)))
        yield tuple_(*columns) < there if part.desc else tuple_(*columns) > there
