"""The dependency graph around a task."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, Uuid, case, literal, or_, select

from app.models import Task, TaskDependency
from app.queries.tasks import owned
from app.queries.types import Rows

Edge = TaskDependency


def reached(task_id: uuid.UUID, owner: uuid.UUID | None, limit: int) -> Select[uuid.UUID]:
    """The task and those that edges lead to, in either direction, the nearer ones first.

    Goes through tasks of `owner` only. Both databases stop to look further when the limit is
    reached: a recursive query gives its rows as it finds them, level by level.
    """
    found = select(literal(task_id, Uuid()).label("id")).cte("found", recursive=True)
    other_end = case((Edge.task_id == found.c.id, Edge.needs_id), else_=Edge.task_id)
    found = found.union(
        select(Task.id)
        .select_from(found)
        .join(Edge, or_(Edge.task_id == found.c.id, Edge.needs_id == found.c.id))
        .join(Task, Task.id == other_end)
        .where(owned(owner))
    )
    return select(found.c.id).limit(limit)


def nodes(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> Rows:
    """What a graph shows of a task."""
    return (
        select(Task.id, Task.name, Task.status, Task.reason, Task.progress)
        .where(Task.id.in_(list(ids)), owned(owner))
        .order_by(Task.id)
    )


def edges_between(ids: Sequence[uuid.UUID], limit: int) -> Rows:
    """Edges whose both ends are among these."""
    ends = list(ids)
    return (
        select(Edge.task_id, Edge.needs_id)
        .where(Edge.task_id.in_(ends), Edge.needs_id.in_(ends))
        .order_by(Edge.task_id, Edge.needs_id)
        .limit(limit)
    )
