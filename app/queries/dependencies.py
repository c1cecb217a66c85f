"""Statements about what waits for what.

A task's edges are written with it, under locks on the tasks it needs, so none of those can finish in
between. One that still runs is *awaited* from then on; when it has finished, however it did, it is
*due*: its dependents are told, a bounded number at a time. An edge is told once, in the transaction
that counts its dependent's `unmet_deps` down, so that the number is always that of the untold edges.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Insert,
    Integer,
    Select,
    Update,
    Uuid,
    bindparam,
    case,
    exists,
    insert,
    select,
    update,
)

from app.db.base import JsonText
from app.db.clock import now
from app.db.lists import one_of
from app.domain.lifecycle import FINISHED, Event, Reason, target
from app.models import Task, TaskDependency
from app.queries.guards import legal, status_in
from app.queries.tasks import owned, rank_of
from app.queries.types import Rows, UpdatedRows

Edge = TaskDependency
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


def needed_by(ids: Sequence[uuid.UUID]) -> Rows:
    """`task_id, needs_id` of what these tasks need, as far as it exists and is to stay.

    Locked in the order of its ids, so that it is still there when others are to need it too.
    """
    return (
        select(Edge.task_id, Edge.needs_id)
        .join(Task, Task.id == Edge.needs_id)
        .where(one_of(Edge.task_id, ids), Task.delete_requested_at.is_(None))
        .order_by(Edge.needs_id)
        .with_for_update(of=Task, key_share=True)
    )


def order_of(task_id: uuid.UUID) -> Rows:
    """The ids of the tasks that a task needs, as text, in the order in which they were given."""
    return select(Task.depends_on).where(Task.id == task_id)


def outcomes(task_id: uuid.UUID) -> Rows:
    """How the tasks that a task needs have ended, as far as they still exist."""
    return (
        select(Task.id, Task.name, Task.status, Task.result, Task.error)
        .join(Edge, Edge.needs_id == Task.id)
        .where(Edge.task_id == task_id)
    )


# -- telling ----------------------------------------------------------------------------------


@cache
def due(limit: int, *, lock: bool = True) -> Rows:
    """Finished tasks whose dependents are to be told, those first that finished first.

    Locked; those that another agent has locked are left out.
    """
    chosen = (
        select(Task.id, Task.status)
        .where(Task.awaited, status_in(Task.status, FINISHED))
        # An order that only the index of the due ones has: PostgreSQL would else take the awaited
        # and the finished for independent, expect many of both, and read the table.
        .order_by(Task.completed_at)
        .limit(limit)
    )
    return chosen.with_for_update(skip_locked=True, key_share=True) if lock else chosen


def untold(needed: Sequence[uuid.UUID], limit: int) -> Select[uuid.UUID, uuid.UUID]:
    """Edges `task_id, needs_id` to these tasks that are to be told, locked.

    Those that somebody else has locked are told, or deleted, just now.
    """
    return (
        select(Edge.task_id, Edge.needs_id)
        .where(Edge.needs_id.in_(list(needed)), ~Edge.told)
        .order_by(Edge.needs_id, Edge.task_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def lock_dependents(ids: Sequence[uuid.UUID]) -> Rows:
    """Dependents, locked, whatever became of them.

    Those that somebody else has locked are left out: whoever tells holds many locks and so must
    never wait for one. Their edges stay untold, and their turn comes again.
    """
    return (
        select(Task.id, Task.status, Task.awaited, Task.unmet_deps, Task.on_dependency_failure)
        .where(Task.id.in_(list(ids)))
        .order_by(Task.id)
        .with_for_update(skip_locked=True, key_share=True)
    )


@cache
def tell() -> Update:
    """An edge is taken into account. Parameters: `task` and `needs`.

    One at a time, by the key: for a list of many PostgreSQL may read the whole table.
    """
    return (
        update(Edge)
        .where(
            Edge.task_id == bindparam("task", type_=Uuid()),
            Edge.needs_id == bindparam("needs", type_=Uuid()),
        )
        .values(told=True)
    )


@cache
def wait_on() -> Update:
    """Write down how many tasks one still waits for. Parameters: `task` and `left`."""
    return (
        update(Task)
        .where(Task.id == bindparam("task", type_=Uuid()), legal(Event.FEED))
        .values(unmet_deps=bindparam("left", type_=Integer()))
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


def awaited_no_more(ids: Sequence[uuid.UUID]) -> Update:
    """Of these, those are awaited no more whose every dependent has been told."""
    left = exists().where(Edge.needs_id == Task.id, ~Edge.told)
    return update(Task).where(Task.id.in_(list(ids)), ~left).values(awaited=False)


def needed_after(needs_id: uuid.UUID, limit: int) -> Rows:
    """Tasks that somebody waits for, in the order of their ids, and whether they are `gone`.

    Looks at `limit` edges.
    """
    page = (
        select(Edge.needs_id)
        .where(~Edge.told, Edge.needs_id > needs_id)
        .order_by(Edge.needs_id)
        .limit(limit)
        .subquery()
    )
    gone = Task.id.is_(None)
    return (
        select(page.c.needs_id, gone.label("gone"))
        .distinct()
        .join(Task, Task.id == page.c.needs_id, isouter=True)
        .order_by(page.c.needs_id)
    )
