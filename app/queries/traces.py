"""Statements about where tasks belong in traces. Asked only where traces are made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Integer, Uuid, bindparam, select

from app.db.lists import one_of
from app.models import Task, TaskDependency
from app.queries.types import Rows

_PLACE = (Task.id, Task.trace_context, Task.attempt)


def places(ids: Sequence[uuid.UUID]) -> Rows:
    """`id, trace_context, attempt` of these tasks, as far as they exist and have a place."""
    return select(*_PLACE).where(one_of(Task.id, ids), Task.trace_context.is_not(None))


@cache
def places_of_needed() -> Rows:
    """The same of at most `:most` tasks that `:task` depends on and that have run."""
    needed = TaskDependency.needs_id == Task.id
    return (
        select(*_PLACE)
        .join(TaskDependency, needed)
        .where(
            TaskDependency.task_id == bindparam("task", type_=Uuid()),
            Task.trace_context.is_not(None),
            Task.attempt > 0,
        )
        .order_by(Task.id)
        .limit(bindparam("most", type_=Integer()))
    )
