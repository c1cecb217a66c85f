"""Statements of an attempt that does not end by its own settlement.

It is given back for another attempt, or failed on behalf of a process that died. Fenced like
those in `claims`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Text, Update, and_, case, func, insert, literal, null, select, update

from app.db.base import JsonText
from app.db.clock import after, micros, new_uuid, now
from app.domain.lifecycle import SETTLED_BY_OTHERS, Event, target
from app.models import Task, TaskAttempt
from app.queries.claims import Pair, pairs_in
from app.queries.guards import legal_by_key
from app.queries.tasks import rank_of
from app.queries.types import InsertedRows, Rows

_ATTEMPT = (
    Task.id,
    Task.celery_id,
    Task.attempt,
    Task.tries,
    Task.max_attempts,
    Task.crash_count,
    Task.requeue_on_interrupt,
    Task.worker,
    Task.started_at,
    Task.cancel_requested_at,
    Task.cancel_reason,
    Task.celery_task_name,
    Task.queue,
    Task.trace_context,
    Task.time_limit,
    # Kept by the agent for what runs here; only the lease keeps it for what runs elsewhere.
    and_(
        Task.worker.like("external:%"),
        Task.started_at <= after(-Task.time_limit),
    ).label("limit_over"),
)

_ENDED = (Task.id, Task.status, Task.queue, Task.delete_requested_at, Task.awaited)


def lock_attempt(task_id: uuid.UUID, celery_id: uuid.UUID, *, lease_over: bool = False) -> Rows:
    """The running attempt, locked; no row if it is not ours, or (rescue) its lease still holds."""
    guard = [Task.id == task_id, Task.celery_id == celery_id, legal_by_key(Event.REPORT)]
    if lease_over:
        guard.append(Task.lease_until < now())
    return select(*_ATTEMPT).where(*guard).with_for_update()


def crash_counts(pairs: Iterable[Pair]) -> Rows:
    """How many deaths these running attempts' tasks have seen, and how long they ran, seconds."""
    age = (micros(now()) - micros(Task.started_at)) / literal(1e6)
    return select(Task.celery_id, Task.crash_count, age.label("age")).where(
        pairs_in(pairs), legal_by_key(Event.REPORT)
    )


def archive_attempt(
    row: Row[Any], outcome: str, error: dict[str, Any] | None, *, failed: bool
) -> InsertedRows:
    """Keep an attempt that will be followed by another one.

    `failed` is what the trigger that notes failures (`app.db.triggers`) takes it for.
    """
    return (
        insert(TaskAttempt)
        .values(
            task_id=row.id,
            attempt=row.attempt,
            celery_id=row.celery_id,
            worker=row.worker,
            started_at=row.started_at,
            ended_at=now(),
            outcome=outcome,
            error=error,
            failed=failed,
        )
        .returning(TaskAttempt.attempt)
    )


def given_back_already(task_id: uuid.UUID, celery_id: uuid.UUID) -> Rows:
    """The row after this attempt's own giving back, had the answer not been lost."""
    return (
        select(*_ENDED)
        .join(TaskAttempt, TaskAttempt.task_id == Task.id)
        .where(
            Task.id == task_id,
            TaskAttempt.celery_id == celery_id,
            TaskAttempt.outcome.not_in(SETTLED_BY_OTHERS),
        )
    )


def give_back(
    pair: Pair,
    *,
    wait_seconds: float,
    reason: str,
    error: dict[str, Any] | None,
    spend_try: bool,
    crashed: bool,
    ageing_seconds: float,
    lease_over: bool = False,
    arguments: tuple[list[Any], dict[str, Any]] | None = None,
) -> Update:
    """Running -> pending for another attempt, or -> revoked if a cancel was requested.

    `arguments` replace the task's, as `self.retry(args=, kwargs=)` asks for.
    `spend_try=False` for interruptions: the attempt does not count against `max_attempts`.
    The id is new, so nothing that the old attempt still sends is taken.
    """
    cancelled = Task.cancel_requested_at.is_not(None)
    at_once = wait_seconds <= 0
    guard = [pairs_in([pair]), legal_by_key(Event.REPORT)]
    if lease_over:
        # Repeated inside the UPDATE: the worker may have renewed since the row was read.
        guard.append(Task.lease_until < now())
    changed = {} if arguments is None else {"args": arguments[0], "kwargs": arguments[1]}
    return (
        update(Task)
        .where(*guard)
        .values(
            **changed,
            status=case((cancelled, target(Event.STOP).value), else_=target(Event.RETRY).value),
            reason=case((cancelled, Task.cancel_reason), else_=reason),
            error=error,
            completed_at=case((cancelled, now()), else_=None),
            # It ended by itself after it was told: by an exception on its way out, say.
            stopped_by=case((cancelled, literal("cooperative", Text())), else_=None),
            cancel_acknowledged_at=case(
                (cancelled, func.coalesce(Task.cancel_acknowledged_at, now())), else_=None
            ),
            ready_at=after(wait_seconds),
            scheduled_at=None if at_once else after(wait_seconds),
            rank=rank_of(now(), Task.priority, ageing_seconds) if at_once else None,
            celery_id=new_uuid(),
            dispatched_at=None,
            dispatched_priority=None,
            lease_until=None,
            tries=Task.tries - (0 if spend_try else 1),
            crash_count=Task.crash_count + (1 if crashed else 0),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(*_ENDED)
    )


def return_unbegun(pairs: Iterable[Pair]) -> Update:
    """Running -> pending for rows that were claimed with others and never begun.

    The start is undone with its count; a cancel that was requested meanwhile is done. The rank is
    still the one of the claim, so the row is again where it was.
    """
    cancelled = Task.cancel_requested_at.is_not(None)
    return (
        update(Task)
        .where(pairs_in(pairs), legal_by_key(Event.RETURN))
        .values(
            status=case((cancelled, target(Event.STOP).value), else_=target(Event.RETURN).value),
            reason=case((cancelled, Task.cancel_reason), else_=None),
            completed_at=case((cancelled, now()), else_=None),
            celery_id=new_uuid(),
            attempt=Task.attempt - 1,
            tries=Task.tries - 1,
            started_at=None,
            worker=None,
            dispatched_at=None,
            dispatched_priority=None,
            lease_until=None,
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(*_ENDED)
    )


def fail_if_running(
    pair: Pair,
    *,
    reason: str,
    error: dict[str, Any],
    crashed: bool,
    lease_over: bool = False,
    stopped_by: str = "forced",
) -> Update:
    """Running -> failed for a dead attempt, or -> revoked by force if a cancel was requested."""
    cancelled = Task.cancel_requested_at.is_not(None)
    guard = [pairs_in([pair]), legal_by_key(Event.REPORT)]
    if lease_over:
        guard.append(Task.lease_until < now())
    return (
        update(Task)
        .where(*guard)
        .values(
            status=case((cancelled, target(Event.STOP).value), else_=target(Event.FAIL).value),
            reason=case((cancelled, func.coalesce(Task.cancel_reason, reason)), else_=reason),
            error=case((cancelled, null()), else_=literal(error, JsonText())),
            stopped_by=case((cancelled, literal(stopped_by, Text())), else_=Task.stopped_by),
            completed_at=now(),
            lease_until=None,
            crash_count=Task.crash_count + (1 if crashed else 0),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(*_ENDED)
    )
