"""Statements of an attempt: claim, report, settle, give back.

Every one is fenced by `celery_id`, the id under which this very publish was claimed. It is
never used twice, so a write that arrives late, twice, or from a worker that was given up finds
no row. That is an answer, not an error: look at what came back.

Claim and settle take lists, usually of one; statements are built once per length.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Row,
    Text,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
    values,
)

from app.db.base import JsonText, RawJson
from app.db.clock import after, new_uuid, now
from app.domain.lifecycle import Event, TaskStatus, target
from app.models import Task, TaskAttempt, TaskLog
from app.queries.guards import legal
from app.queries.tasks import rank_of
from app.queries.types import InsertedRows, Rows, UpdatedRows

Pair = tuple[uuid.UUID, uuid.UUID]


def pairs_in(pairs: Iterable[Pair]) -> ColumnElement[bool]:
    """Rows that are exactly these `(id, celery_id)` publishes."""
    return tuple_(Task.id, Task.celery_id).in_(list(pairs))


def bind_pairs(pairs: list[Pair]) -> dict[str, Any]:
    """Parameters `id_0, celery_id_0, id_1, ...` of the statements below."""
    bound: dict[str, Any] = {}
    for index, (task_id, celery_id) in enumerate(pairs):
        bound[f"id_{index}"] = task_id
        bound[f"celery_id_{index}"] = celery_id
    return bound


def _these(count: int) -> ColumnElement[bool]:
    """The `(id, celery_id)` pairs of `bind_pairs`."""
    binds = [
        (bindparam(f"id_{index}", type_=Uuid()), bindparam(f"celery_id_{index}", type_=Uuid()))
        for index in range(count)
    ]
    if count == 1:
        return and_(Task.id == binds[0][0], Task.celery_id == binds[0][1])
    return or_(*(and_(Task.id == task, Task.celery_id == celery) for task, celery in binds))


_CLAIMED = (
    Task.id,
    Task.celery_id,
    Task.args,
    Task.kwargs,
    Task.attempt,
    Task.tries,
    Task.max_attempts,
    Task.requeue_on_interrupt,
)


@cache
def claim(count: int) -> UpdatedRows:
    """Start attempts. Parameters: `bind_pairs(...)`, `worker`, `lease_seconds`.

    Needs the mark: a row that was paused, cancelled, edited or re-sent since has another id or
    none. Rows past `expires_at` are refused and revoked by the sweep.
    """
    return (
        update(Task)
        .where(
            _these(count),
            legal(Event.CLAIM),
            Task.dispatched_at.is_not(None),
            or_(Task.expires_at.is_(None), Task.expires_at > now()),
        )
        .values(
            status=target(Event.CLAIM).value,
            attempt=Task.attempt + 1,
            tries=Task.tries + 1,
            started_at=now(),
            lease_until=after(bindparam("lease_seconds", type_=Float())),
            worker=bindparam("worker", type_=Text()),
            progress=0.0,
            progress_message=None,
            error=None,
            reason=None,
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(*_CLAIMED)
    )


@cache
def claimed_already(count: int) -> Rows:
    """What `claim` would have returned, had its answer not been lost. The same parameters."""
    return select(*_CLAIMED).where(
        _these(count),
        legal(Event.REPORT),
        Task.worker == bindparam("worker", type_=Text()),
    )


def _settled_values(source: dict[str, Any]) -> dict[str, Any]:
    # literal(): compared plainly, the values would be bound under names such as `status_1`,
    # which are the names of the parameters.
    succeeded = source["status"] == literal(TaskStatus.SUCCEEDED.value, Text())
    stopped = source["status"] == literal(TaskStatus.REVOKED.value, Text())
    return {
        **source,
        # Why it was cancelled stands in the row; the attempt knows only that it was.
        "reason": case(
            (stopped, func.coalesce(Task.cancel_reason, source["reason"])), else_=source["reason"]
        ),
        "progress": case((succeeded, 100.0), else_=Task.progress),
        "completed_at": now(),
        "updated_at": now(),
        "lease_until": None,
        "version": Task.version + 1,
    }


_SETTLED_COLUMNS: dict[str, Any] = {
    "status": Text(),
    "reason": Text(),
    "result": RawJson(),
    "error": RawJson(),
    "stopped_by": Text(),
}


@cache
def settle_if_running(count: int) -> UpdatedRows:
    """End attempts: succeed, fail or stop.

    Parameters: `bind_pairs(...)` and, for each index, `status_i`, `reason_i`, `result_i` and
    `error_i` (JSON text) and `stopped_by_i`.
    """
    if count == 1:
        source: dict[str, Any] = {
            name: bindparam(f"{name}_0", type_=type_) for name, type_ in _SETTLED_COLUMNS.items()
        }
        chosen = _these(1)
    else:
        columns = {"id": Uuid(), "celery_id": Uuid(), **_SETTLED_COLUMNS}
        settled = (
            values(*(column(name, type_) for name, type_ in columns.items()), name="settled")
            .data(
                [
                    tuple(bindparam(f"{n}_{i}", type_=t) for n, t in columns.items())
                    for i in range(count)
                ]
            )
            .cte("settled")
        )
        source = {name: settled.c[name] for name in _SETTLED_COLUMNS}
        chosen = and_(Task.id == settled.c.id, Task.celery_id == settled.c.celery_id)
    return (
        update(Task)
        .where(chosen, legal(Event.REPORT))
        .values(**_settled_values(source))
        .returning(Task.id, Task.status, Task.delete_requested_at)
    )


@cache
def report_progress() -> UpdatedRows:
    """Progress of a running attempt; it never falls within one.

    Parameters: `bind_pairs` of one, `progress` (0-100 or None), `message`. Without a row the
    attempt is no longer ours.
    """
    progress = bindparam("progress", type_=Float())
    message = bindparam("message", type_=Text())
    return (
        update(Task)
        .where(_these(1), legal(Event.REPORT))
        .values(
            progress=case((progress > Task.progress, progress), else_=Task.progress),
            progress_message=func.coalesce(message, Task.progress_message),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.cancel_requested_at)
    )


def acknowledge_cancels(celery_ids: Iterable[uuid.UUID], task_ids: Iterable[uuid.UUID]) -> Update:
    """These attempts have learned that they are to stop."""
    return (
        update(Task)
        .where(
            Task.id.in_(list(task_ids)),
            Task.celery_id.in_(list(celery_ids)),
            legal(Event.REPORT),
            Task.cancel_acknowledged_at.is_(None),
        )
        .values(cancel_acknowledged_at=now(), updated_at=now(), version=Task.version + 1)
        .returning(Task.id)
    )


def cancel_by_message(celery_ids: Iterable[uuid.UUID]) -> Rows:
    """The unfinished tasks behind ids of messages, for a monitor that knows only those."""
    return select(Task.id).where(
        Task.celery_id.in_(list(celery_ids)),
        or_(legal(Event.REPORT), and_(legal(Event.CANCEL), Task.dispatched_at.is_not(None))),
    )


def add_log(task_id: uuid.UUID, celery_id: uuid.UUID, level: str, lines: list[str]) -> Any:
    """Keep lines with the task, as long as the attempt is still the running one."""
    rows = values(column("message", Text()), name="lines").data([(line,) for line in lines])
    lines_cte = rows.cte("lines")
    chosen = (
        select(Task.id, Task.attempt, now(), literal(level, Text()), lines_cte.c.message)
        .select_from(Task)
        .join(lines_cte, true())
        .where(Task.id == task_id, Task.celery_id == celery_id, legal(Event.REPORT))
    )
    return insert(TaskLog).from_select(
        ["task_id", "attempt", "created_at", "level", "message"], chosen
    )


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
)


def lock_attempt(task_id: uuid.UUID, celery_id: uuid.UUID, *, lease_over: bool = False) -> Rows:
    """The running attempt, locked; no row if it is not ours, or (rescue) its lease still holds."""
    guard = [Task.id == task_id, Task.celery_id == celery_id, legal(Event.REPORT)]
    if lease_over:
        guard.append(Task.lease_until < now())
    return select(*_ATTEMPT).where(*guard).with_for_update()


def archive_attempt(row: Row[Any], outcome: str, error: dict[str, Any] | None) -> InsertedRows:
    """Keep an attempt that will be followed by another one."""
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
        )
        .returning(TaskAttempt.attempt)
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
    guard = [pairs_in([pair]), legal(Event.REPORT)]
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
        .returning(Task.id, Task.status, Task.queue, Task.delete_requested_at)
    )


def fail_if_running(
    pair: Pair, *, reason: str, error: dict[str, Any], crashed: bool, lease_over: bool = False
) -> Update:
    """Running -> failed for a dead attempt, or -> revoked by force if a cancel was requested."""
    cancelled = Task.cancel_requested_at.is_not(None)
    guard = [pairs_in([pair]), legal(Event.REPORT)]
    if lease_over:
        guard.append(Task.lease_until < now())
    return (
        update(Task)
        .where(*guard)
        .values(
            status=case((cancelled, target(Event.STOP).value), else_=target(Event.FAIL).value),
            reason=case((cancelled, func.coalesce(Task.cancel_reason, reason)), else_=reason),
            error=case((cancelled, null()), else_=literal(error, JsonText())),
            stopped_by=case((cancelled, literal("forced", Text())), else_=Task.stopped_by),
            completed_at=now(),
            lease_until=None,
            crash_count=Task.crash_count + (1 if crashed else 0),
            updated_at=now(),
            version=Task.version + 1,
        )
        .returning(Task.id, Task.status, Task.queue, Task.delete_requested_at)
    )
