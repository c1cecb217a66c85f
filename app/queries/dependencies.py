"""Statements about what waits for what.

A task's edges are written with it, under locks on the tasks it needs, so none of those can finish in
between. One that still runs is *awaited* from then on; when it has finished, however it did, it is
*due*: its dependents are told, a bounded number at a time, and every one is counted anew from its
edges. So it does not matter who tells first, or twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    Uuid,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from app.db.base import JsonText
from app.db.clock import now
from app.domain.lifecycle import ACTIVE, FINISHED, Event, Reason, TaskStatus, target
from app.models import Task, TaskDependency
from app.queries.guards import legal, status_in
from app.queries.tasks import owned, rank_of
from app.queries.types import Rows, UpdatedRows

Edge = TaskDependency
_Needed = aliased(Task, name="needed")
_ENDINGS = {
    Event.DEPENDENCY_FAILED: Reason.DEPENDENCY_FAILED,
    Event.DEPENDENCY_REVOKED: Reason.DEPENDENCY_REVOKED,
}


def lock_needed(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> Rows:
    """The tasks that a new one needs, locked in the order of their ids; one that goes is none."""
    return (
        select(Task.id, Task.status, Task.awaited)
        .where(Task.id.in_(list(ids)), owned(owner), Task.delete_requested_at.is_(None))
        .order_by(Task.id)
        .with_for_update(key_share=True)
    )


def await_them(ids: Sequence[uuid.UUID]) -> Update:
    """These unfinished tasks, locked by `lock_needed`, have a dependent to be told."""
    return update(Task).where(Task.id.in_(list(ids))).values(awaited=True)


def insert_edges(edges: Sequence[dict[str, Any]]) -> Insert:
    """Edges `task_id, needs_id, told` of new tasks."""
    return insert(Edge).values(list(edges))


def needed_ids(task_id: uuid.UUID) -> Select[uuid.UUID]:
    """The tasks that a task needs and that still exist."""
    return (
        select(Edge.needs_id)
        .join(Task, Task.id == Edge.needs_id)
        .where(Edge.task_id == task_id)
        .order_by(Edge.needs_id)
    )


def due(limit: int, *, lock: bool = True) -> Rows:
    """Finished tasks whose dependents are to be told.

    Locked; those that another agent has locked are left out.
    """
    chosen = select(Task.id).where(Task.awaited, status_in(Task.status, FINISHED)).limit(limit)
    return chosen.with_for_update(skip_locked=True) if lock else chosen


def untold(needed: Sequence[uuid.UUID], limit: int) -> Select[uuid.UUID, uuid.UUID]:
    """Edges `(task_id, needs_id)` that lead to these tasks and were not taken into account."""
    return (
        select(Edge.task_id, Edge.needs_id)
        .where(Edge.needs_id.in_(list(needed)), ~Edge.told)
        .order_by(Edge.needs_id, Edge.task_id)
        .limit(limit)
    )


def lock_waiting(ids: Sequence[uuid.UUID]) -> Select[uuid.UUID, str]:
    """Those of the tasks that still wait, locked in the order of their ids."""
    return (
        select(Task.id, Task.on_dependency_failure)
        .where(Task.id.in_(list(ids)), legal(Event.DEPENDENCY_FAILED))
        .order_by(Task.id)
        .with_for_update(key_share=True)
    )


def counted(ids: Sequence[uuid.UUID]) -> Rows:
    """For each task how many of those it needs are unfinished, failed, or revoked or gone.

    Read after the rows are locked: of two agents that tell the same task, the later one then
    sees everything that the earlier one saw.
    """
    status = _Needed.status
    return (
        select(
            Edge.task_id,
            _number(status_in(status, ACTIVE)).label("unmet"),
            _number(status == TaskStatus.FAILED.value).label("failed"),
            _number(or_(status == TaskStatus.REVOKED.value, status.is_(None))).label("revoked"),
        )
        .join(_Needed, _Needed.id == Edge.needs_id, isouter=True)
        .where(Edge.task_id.in_(list(ids)))
        .group_by(Edge.task_id)
    )


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def culprits(ids: Sequence[uuid.UUID], status: TaskStatus) -> Select[uuid.UUID, uuid.UUID]:
    """For each task those of its needed ones that ended as `status`; revoked includes gone."""
    ended = _Needed.status == status.value
    if status is TaskStatus.REVOKED:
        ended = or_(ended, _Needed.status.is_(None))
    return (
        select(Edge.task_id, Edge.needs_id)
        .join(_Needed, _Needed.id == Edge.needs_id, isouter=True)
        .where(Edge.task_id.in_(list(ids)), ended)
        .order_by(Edge.task_id, Edge.needs_id.desc())
    )


def release(ids: Sequence[uuid.UUID], ageing_seconds: float) -> UpdatedRows:
    """Nothing holds these up any more: from now on they are ready, or scheduled."""
    begun = Task.ready_at <= now()
    return (
        update(Task)
        .where(Task.id.in_(list(ids)), legal(Event.FEED), Task.unmet_deps > 0)
        .values(
            unmet_deps=0,
            ready_at=case((begun, now()), else_=Task.ready_at),
            rank=case((begun, rank_of(now(), Task.priority, ageing_seconds)), else_=None),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.id, Task.queue)
    )


def recount(ids: Sequence[uuid.UUID]) -> Update:
    """Write down how many tasks these still wait for."""
    number = (
        select(func.count())
        .select_from(Edge)
        .join(_Needed, _Needed.id == Edge.needs_id)
        .where(Edge.task_id == Task.id, status_in(_Needed.status, ACTIVE))
        .scalar_subquery()
    )
    return (
        update(Task)
        .where(Task.id.in_(list(ids)), legal(Event.FEED))
        .values(unmet_deps=number)
        .execution_options(synchronize_session=False)
    )


@cache
def end(event: Event) -> Update:
    """End a waiting task because of one that it needs. Parameters: `task` and `why` (JSON)."""
    return (
        update(Task)
        .where(Task.id == bindparam("task", type_=Uuid()), legal(event))
        .values(
            status=target(event).value,
            reason=_ENDINGS[event].value,
            error=bindparam("why", type_=JsonText()),
            completed_at=now(),
            updated_at=now(),
            rank=None,
            dispatched_at=None,
            dispatched_priority=None,
            version=Task.version + 1,
        )
    )


def tell(needed: Sequence[uuid.UUID], dependents: Sequence[uuid.UUID]) -> Update:
    """These edges are taken into account."""
    return (
        update(Edge)
        .where(Edge.needs_id.in_(list(needed)), Edge.task_id.in_(list(dependents)), ~Edge.told)
        .values(told=True)
    )


def awaited_no_more(ids: Sequence[uuid.UUID]) -> Update:
    """Everybody who depends on these has been told."""
    left = exists().where(Edge.needs_id == Task.id, ~Edge.told)
    return update(Task).where(Task.id.in_(list(ids)), ~left).values(awaited=False)
