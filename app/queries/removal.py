"""Statements that remove tasks. None that another one still needs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Delete,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from app.db.clock import now
from app.db.lists import one_of
from app.domain.lifecycle import ACTIVE, Event, Reason
from app.models import Task, TaskDependency
from app.queries.guards import legal, legal_by_key, status_in
from app.queries.tasks import lease_after_cancel, owned
from app.queries.types import DeletedRows, UpdatedRows


def is_needed() -> ColumnElement[bool]:
    """Whether an unfinished task depends on the row: it may want to read the result."""
    dependent = aliased(Task, name="dependent")
    return (
        exists()
        .where(TaskDependency.needs_id == Task.id)
        .where(dependent.id == TaskDependency.task_id, status_in(dependent.status, ACTIVE))
        .correlate(Task)
    )


def request_delete_if_running(
    ids: Sequence[uuid.UUID], owner: uuid.UUID | None, grace_seconds: float
) -> UpdatedRows:
    """Tell running attempts to stop and have their rows removed when they have."""
    running = legal_by_key(Event.REQUEST_CANCEL)
    return (
        update(Task)
        .where(one_of(Task.id, ids), owned(owner), running, ~is_needed())
        .values(
            delete_requested_at=func.coalesce(Task.delete_requested_at, now()),
            cancel_requested_at=func.coalesce(Task.cancel_requested_at, now()),
            cancel_reason=func.coalesce(Task.cancel_reason, literal(str(Reason.DELETED))),
            lease_until=lease_after_cancel(grace_seconds),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.id)
    )


def remove_if_not_running(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> DeletedRows:
    """Remove those that have finished or not started; none that others still need."""
    gone = or_(legal_by_key(Event.REMOVE), legal_by_key(Event.CANCEL))
    return (
        delete(Task)
        .where(one_of(Task.id, ids), owned(owner), gone, ~is_needed())
        .returning(Task.id, Task.user_id)
    )


def remove_finished(ids: Sequence[uuid.UUID]) -> DeletedRows:
    """Remove these finished tasks, which are locked, but for those that somebody needs by now."""
    return (
        delete(Task)
        .where(Task.id.in_(list(ids)), legal(Event.REMOVE), ~is_needed())
        .returning(Task.id, Task.user_id)
    )


def remove_new(ids: Sequence[uuid.UUID]) -> Delete:
    """Take back rows that this very transaction has inserted."""
    return delete(Task).where(Task.id.in_(list(ids)))


@cache
def remove_where_requested(limit: int) -> DeletedRows:
    """Remove finished tasks whose deletion was asked for while they ran."""
    chosen = (
        select(Task.id)
        .where(Task.delete_requested_at.is_not(None), legal(Event.REMOVE), ~is_needed())
        .limit(limit)
    )
    return delete(Task).where(Task.id.in_(chosen)).returning(Task.id, Task.user_id)
