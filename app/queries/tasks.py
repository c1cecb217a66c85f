"""Statements about one task from the outside: create, read, cancel, edit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import defer
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.db.clock import after, micros, new_uuid, now
from app.db.lists import one_of
from app.domain.lifecycle import Event, Reason, target
from app.domain.rank import Priority, offset
from app.models import Task, TaskAttempt, TaskLog, TaskTag
from app.queries.guards import legal, legal_by_key
from app.queries.types import Rows, UpdatedRows

# What every new row has, and nobody says: the model's defaults.
BORN: dict[str, Any] = {
    each.key: each.default.arg
    for each in Task.__table__.columns
    if isinstance(each.default, ScalarElementColumnDefault)
} | {"status": target(Event.CREATE).value}


def owned(owner: uuid.UUID | None) -> ColumnElement[bool]:
    """Restricts to the tasks of `owner`; None restricts nothing (operators, the system)."""
    return literal(True) if owner is None else Task.user_id == owner


def rank_of(ready_at: Any, priority: Any, ageing_seconds: float) -> ColumnElement[int]:
    """`domain.rank` as SQL: microseconds of `ready_at` less the offset of `priority`."""
    offsets = {level.value: offset(level, ageing_seconds) for level in Priority}
    moved = case(
        *((priority == value, literal(by, BigInteger)) for value, by in offsets.items()),
        else_=literal(0, BigInteger),
    )
    return micros(ready_at) - moved


def insert_tasks(rows: Sequence[dict[str, Any]]) -> Insert:
    """Insert complete rows, as `services.building` makes them."""
    return insert(Task).values([{**BORN, **row} for row in rows]).returning(Task)


def insert_tags(pairs: Iterable[tuple[uuid.UUID, str]]) -> Insert:
    """The tags of new or edited tasks, `(task id, tag)` each."""
    return insert(TaskTag).values([{"task_id": task, "tag": tag} for task, tag in pairs])


def delete_tags(task_id: uuid.UUID) -> Delete:
    """Forget a task's tags before new ones are written."""
    return delete(TaskTag).where(TaskTag.task_id == task_id)


def get(task_id: uuid.UUID, owner: uuid.UUID | None = None) -> Select[Task]:
    """One task. One whose deletion was requested is still found: its attempt still runs."""
    return select(Task).where(Task.id == task_id, owned(owner))


def find_all(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> Select[Task]:
    """These tasks, as far as they exist, without what they came to; in the order of their ids."""
    return (
        select(Task)
        .where(one_of(Task.id, ids), owned(owner))
        .order_by(Task.id)
        .options(defer(Task.result), defer(Task.error))
    )


def visible(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> Select[uuid.UUID]:
    """Those of the ids that are tasks which `owner` may see."""
    return select(Task.id).where(one_of(Task.id, ids), owned(owner))


def lock(task_id: uuid.UUID, owner: uuid.UUID | None = None) -> Select[Task]:
    """One task, locked until the transaction ends."""
    return get(task_id, owner).with_for_update()


def hold(ids: Sequence[uuid.UUID], owner: uuid.UUID | None = None) -> Rows:
    """How these tasks stand, as far as they exist; locked in the order of their ids."""
    return (
        select(Task.id, Task.status, Task.dispatched_at)
        .where(one_of(Task.id, ids), owned(owner))
        .order_by(Task.id)
        .with_for_update()
    )


def own(task_id: uuid.UUID, celery_id: uuid.UUID) -> Rows:
    """What a running attempt's subtasks have of it, and the time; no row if it is over."""
    return select(Task.user_id, Task.task_type, now().label("now")).where(
        Task.id == task_id, Task.celery_id == celery_id, legal(Event.REPORT)
    )


def known(task_id: uuid.UUID) -> Select[uuid.UUID]:
    """The id, if there is such a task."""
    return select(Task.id).where(Task.id == task_id)


def attempts(task_id: uuid.UUID, after: int, limit: int) -> Select[TaskAttempt]:
    """Attempts that were followed by another one, oldest first, behind the one of that number."""
    return (
        select(TaskAttempt)
        .where(TaskAttempt.task_id == task_id, TaskAttempt.attempt > after)
        .order_by(TaskAttempt.attempt)
        .limit(limit)
    )


def logs(task_id: uuid.UUID, after_id: int, limit: int) -> Select[TaskLog]:
    """Lines the task logged, oldest first, after the line of id `after_id`."""
    return (
        select(TaskLog)
        .where(TaskLog.task_id == task_id, TaskLog.id > after_id)
        .order_by(TaskLog.id)
        .limit(limit)
    )


def cancel_if_pending(
    ids: Sequence[uuid.UUID], owner: uuid.UUID | None, reason: str = Reason.CANCELLED
) -> UpdatedRows:
    """Revoke those that have not started (again). A hint already in the broker loses at claim."""
    return (
        update(Task)
        .where(one_of(Task.id, ids), owned(owner), legal_by_key(Event.CANCEL))
        .values(
            status=target(Event.CANCEL).value,
            reason=reason,
            cancel_requested_at=func.coalesce(Task.cancel_requested_at, now()),
            completed_at=now(),
            updated_at=now(),
            dispatched_at=None,
            dispatched_priority=None,
            version=Task.version + 1,
        )
        .returning(Task.id, Task.awaited)
    )


def request_cancel_if_running(
    ids: Sequence[uuid.UUID], owner: uuid.UUID | None, reason: str, grace_seconds: float
) -> UpdatedRows:
    """Tell running attempts to stop; repeating it keeps the first time and reason."""
    return (
        update(Task)
        .where(one_of(Task.id, ids), owned(owner), legal_by_key(Event.REQUEST_CANCEL))
        .values(
            cancel_requested_at=func.coalesce(Task.cancel_requested_at, now()),
            cancel_reason=func.coalesce(Task.cancel_reason, literal(str(reason))),
            lease_until=lease_after_cancel(grace_seconds),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.id)
    )


def lease_after_cancel(grace_seconds: float) -> ColumnElement[Any]:
    """An executor outside Celery cannot be killed; after the grace its lease is over instead."""
    sooner = and_(is_external(), Task.lease_until > after(grace_seconds))
    return case((sooner, after(grace_seconds)), else_=Task.lease_until)


def is_external() -> ColumnElement[bool]:
    return Task.worker.like("external:%")


def edit_if(
    task_id: uuid.UUID, statuses: Sequence[str], version: int | None, changes: dict[str, Any]
) -> Update:
    """Write `changes` while the task is in one of `statuses` and, if given, at `version`."""
    guard = and_(Task.id == task_id, Task.status.in_(statuses))
    if version is not None:
        guard = and_(guard, Task.version == version)
    return (
        update(Task)
        .where(guard)
        .values(**changes, updated_at=now(), version=Task.version + 1)
        .returning(Task)
    )


def reschedule_values(
    priority: int, ready_at: datetime | None, ageing_seconds: float
) -> dict[str, Any]:
    """Column values that put a pending task back among the waiting ones.

    The mark goes and the id is new, so that a hint under way for the old place loses at the
    claim. `ready_at` None means now.
    """
    at_once = rank_of(now(), literal(priority), ageing_seconds)
    return {
        "priority": priority,
        "ready_at": now() if ready_at is None else ready_at,
        # One that waits for others has no place in the queue yet.
        "rank": case((Task.unmet_deps == 0, at_once), else_=None) if ready_at is None else None,
        "dispatched_at": None,
        "dispatched_priority": None,
        "celery_id": new_uuid(),
    }
