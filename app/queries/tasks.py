"""Statements about one task from the outside: create, read, cancel, edit, remove."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Float,
    Insert,
    Select,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.db.clock import after, micros, new_uuid, now
from app.db.lists import one_of
from app.domain.lifecycle import ACTIVE, Event, Reason, TaskStatus, target
from app.domain.rank import Priority, offset
from app.models import IdempotencyKey, Task, TaskAttempt, TaskDependency, TaskLog, TaskTag
from app.queries.guards import legal, status_in
from app.queries.types import DeletedRows, Rows

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


def visible(ids: Sequence[uuid.UUID], owner: uuid.UUID | None) -> Select[uuid.UUID]:
    """Those of the ids that are tasks which `owner` may see."""
    return select(Task.id).where(one_of(Task.id, ids), owned(owner))


def lock(task_id: uuid.UUID, owner: uuid.UUID | None = None) -> Select[Task]:
    """One task, locked until the transaction ends."""
    return get(task_id, owner).with_for_update()


def hold(task_id: uuid.UUID, owner: uuid.UUID | None = None) -> Select[uuid.UUID]:
    """The same without reading the task; no row if there is none."""
    return select(Task.id).where(Task.id == task_id, owned(owner)).with_for_update()


def own(task_id: uuid.UUID, celery_id: uuid.UUID) -> Rows:
    """What a running attempt's subtasks have of it, and the time; no row if it is over."""
    return select(Task.user_id, Task.task_type, now().label("now")).where(
        Task.id == task_id, Task.celery_id == celery_id, legal(Event.REPORT)
    )


def known(task_id: uuid.UUID) -> Select[uuid.UUID]:
    """The id, if there is such a task."""
    return select(Task.id).where(Task.id == task_id)


def attempts(task_id: uuid.UUID) -> Select[TaskAttempt]:
    """Attempts that were followed by another one, oldest first."""
    return select(TaskAttempt).where(TaskAttempt.task_id == task_id).order_by(TaskAttempt.attempt)


def logs(task_id: uuid.UUID, after_id: int, limit: int) -> Select[TaskLog]:
    """Lines the task logged, oldest first, after the line of id `after_id`."""
    return (
        select(TaskLog)
        .where(TaskLog.task_id == task_id, TaskLog.id > after_id)
        .order_by(TaskLog.id)
        .limit(limit)
    )


def cancel_if_pending(
    task_id: uuid.UUID, owner: uuid.UUID | None, reason: str = Reason.CANCELLED
) -> Update:
    """Revoke a task that has not started (again). A hint already in the broker loses at claim."""
    return (
        update(Task)
        .where(Task.id == task_id, owned(owner), legal(Event.CANCEL))
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
        .returning(Task)
    )


def request_cancel_if_running(
    task_id: uuid.UUID, owner: uuid.UUID | None, reason: str, grace_seconds: float
) -> Update:
    """Tell a running attempt to stop; repeating it keeps the first time and reason."""
    return (
        update(Task)
        .where(Task.id == task_id, owned(owner), legal(Event.REQUEST_CANCEL))
        .values(
            cancel_requested_at=func.coalesce(Task.cancel_requested_at, now()),
            cancel_reason=func.coalesce(Task.cancel_reason, literal(str(reason))),
            lease_until=_lease_after_cancel(grace_seconds),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task)
    )


def request_delete_if_running(
    task_id: uuid.UUID, owner: uuid.UUID | None, grace_seconds: float
) -> Update:
    """Tell a running attempt to stop and have its row removed when it has."""
    return (
        update(Task)
        .where(Task.id == task_id, owned(owner), legal(Event.REQUEST_CANCEL), ~is_needed())
        .values(
            delete_requested_at=func.coalesce(Task.delete_requested_at, now()),
            cancel_requested_at=func.coalesce(Task.cancel_requested_at, now()),
            cancel_reason=func.coalesce(Task.cancel_reason, literal(str(Reason.DELETED))),
            lease_until=_lease_after_cancel(grace_seconds),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.id)
    )


def _lease_after_cancel(grace_seconds: float) -> ColumnElement[Any]:
    """An executor outside Celery cannot be killed; after the grace its lease is over instead."""
    sooner = and_(_is_external(), Task.lease_until > after(grace_seconds))
    return case((sooner, after(grace_seconds)), else_=Task.lease_until)


def _is_external() -> ColumnElement[bool]:
    return Task.worker.like("external:%")


def is_needed() -> ColumnElement[bool]:
    """Whether an unfinished task depends on the row: it may want to read the result."""
    dependent = aliased(Task, name="dependent")
    return (
        exists()
        .where(TaskDependency.needs_id == Task.id)
        .where(dependent.id == TaskDependency.task_id, status_in(dependent.status, ACTIVE))
        .correlate(Task)
    )


def remove_if_not_running(task_id: uuid.UUID, owner: uuid.UUID | None) -> DeletedRows:
    """Remove a finished task, or one that has not started; none that others still need."""
    gone = or_(legal(Event.REMOVE), legal(Event.CANCEL))
    return (
        delete(Task)
        .where(Task.id == task_id, owned(owner), gone, ~is_needed())
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


def remove_where_requested(limit: int) -> DeletedRows:
    """Remove finished tasks whose deletion was asked for while they ran."""
    chosen = (
        select(Task.id)
        .where(Task.delete_requested_at.is_not(None), legal(Event.REMOVE), ~is_needed())
        .limit(limit)
    )
    return delete(Task).where(Task.id.in_(chosen)).returning(Task.id, Task.user_id)


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


def claim_external(
    task_id: uuid.UUID, worker: str, lease_seconds: float, version: int | None
) -> Update:
    """An executor outside Celery takes a pending task. Its marks and hints are void."""
    guard = [
        Task.id == task_id,
        legal(Event.CLAIM),
        Task.unmet_deps == 0,
        or_(Task.expires_at.is_(None), Task.expires_at > now()),
    ]
    if version is not None:
        guard.append(Task.version == version)
    return (
        update(Task)
        .where(*guard)
        .values(
            status=target(Event.CLAIM).value,
            celery_id=new_uuid(),
            attempt=Task.attempt + 1,
            tries=Task.tries + 1,
            started_at=now(),
            lease_until=after(_least(literal(lease_seconds, Float), Task.time_limit)),
            worker=worker,
            progress=0.0,
            progress_message=None,
            error=None,
            reason=None,
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task)
    )


def report_external(
    task_id: uuid.UUID, attempt: int, version: int | None, changes: dict[str, Any]
) -> Update:
    """What an executor outside Celery says of its attempt; fenced by the attempt's number."""
    guard = [
        Task.id == task_id,
        Task.attempt == attempt,
        legal(Event.REPORT),
        _is_external(),
    ]
    if version is not None:
        guard.append(Task.version == version)
    return (
        update(Task)
        .where(*guard)
        .values(**changes, updated_at=now(), version=Task.version + 1)
        .returning(Task)
    )


def renewed_lease(lease_seconds: float, grace_seconds: float) -> dict[str, Any]:
    """The `changes` of a report that renews: never past the time limit, nor the cancel's grace."""
    left = Task.time_limit - _seconds_since(Task.started_at)
    grace = literal(grace_seconds, Float) - _seconds_since(Task.cancel_requested_at)
    acknowledged = func.coalesce(Task.cancel_acknowledged_at, now())
    return {
        "lease_until": after(_least(_least(literal(lease_seconds, Float), left), grace)),
        # The answer to this very report says so.
        "cancel_acknowledged_at": case(
            (Task.cancel_requested_at.is_not(None), acknowledged), else_=None
        ),
    }


def _seconds_since(moment: Any) -> ColumnElement[Any]:
    return (micros(now()) - micros(moment)) / literal(1e6, Float)


def _least(seconds: Any, bound: Any) -> ColumnElement[Any]:
    """The smaller one; a `bound` of NULL is none."""
    return case((bound < seconds, bound), else_=seconds)


def reported_outcome(status: TaskStatus, result: Any, error: Any) -> dict[str, Any]:
    """The `changes` of a report that ends its attempt."""
    values: dict[str, Any] = {
        "status": status.value,
        "reason": Reason.REPORTED.value,
        "completed_at": now(),
        "lease_until": None,
        "result": result,
        "error": error,
    }
    if status is TaskStatus.SUCCEEDED:
        values["progress"] = 100.0
    if status is TaskStatus.REVOKED:
        values["stopped_by"] = "cooperative"
    return values


def no_less_than(progress: float) -> ColumnElement[float]:
    """`progress`, or what the row has already if that is more: it never falls."""
    return case((Task.progress > progress, Task.progress), else_=progress)


def find_key(owner: str, key: str, lasting_seconds: float) -> Select[IdempotencyKey]:
    """Who has an idempotency key, unless its time is over."""
    return select(IdempotencyKey).where(
        IdempotencyKey.owner == owner,
        IdempotencyKey.key == key,
        IdempotencyKey.created_at >= after(-lasting_seconds),
    )


def drop_keys(older_than_seconds: float) -> Delete:
    """Forget idempotency keys past their time."""
    return delete(IdempotencyKey).where(IdempotencyKey.created_at < after(-older_than_seconds))
