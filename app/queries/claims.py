"""Statements of a running attempt: claim, report, settle.

Every one is fenced by `celery_id`, the id under which this very publish was claimed. It is
never used twice, so a write that arrives late, twice, or from a worker that was given up finds
no row. That is an answer, not an error: look at what came back.

Claim and settle take lists, usually of one; statements are built once per length, and for longer
lists in a few lengths only: the rest is filled up with pairs that no row has.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
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
    or_,
    select,
    true,
    tuple_,
    update,
    values,
)

from app.db.base import RawJson
from app.db.clock import after, now
from app.domain.lifecycle import FINISHED, SETTLED_BY_OTHERS, Event, TaskStatus, target
from app.models import Task, TaskLog
from app.queries.guards import legal, legal_by_key
from app.queries.types import Rows, UpdatedRows

Pair = tuple[uuid.UUID, uuid.UUID]


def pairs_in(pairs: Iterable[Pair]) -> ColumnElement[bool]:
    """Rows that are exactly these `(id, celery_id)` publishes."""
    return tuple_(Task.id, Task.celery_id).in_(list(pairs))


_LENGTHS = (1, 4, 16, 64, 256)


def length_for(count: int) -> int:
    """The `count` to build a statement for that takes `count` pairs."""
    return next((length for length in _LENGTHS if length >= count), count)


def bind_pairs(pairs: Sequence[Pair], length: int = 0) -> dict[str, Any]:
    """Parameters `id_0, celery_id_0, id_1, ...` of the statements below."""
    bound: dict[str, Any] = {}
    for index in range(len(pairs), length):
        bound[f"id_{index}"] = bound[f"celery_id_{index}"] = None
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
    these = values(column("id", Uuid()), column("celery_id", Uuid()), name="these")
    given = these.data(binds).cte("these")
    return and_(Task.id == given.c.id, Task.celery_id == given.c.celery_id)


_CLAIMED = (
    Task.id,
    Task.celery_id,
    Task.args,
    Task.kwargs,
    Task.attempt,
    Task.tries,
    Task.max_attempts,
    Task.requeue_on_interrupt,
    Task.trace_context,
    Task.depends_on.is_not(None).label("dependent"),
)


def start_values() -> dict[str, Any]:
    """What every start of an attempt sets, whoever makes it."""
    return {
        "status": target(Event.CLAIM).value,
        "attempt": Task.attempt + 1,
        "tries": Task.tries + 1,
        "started_at": now(),
        "progress": 0.0,
        "progress_message": None,
        "error": None,
        "reason": None,
        "updated_at": now(),
        "version": Task.version + 1,
    }


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
            legal_by_key(Event.CLAIM),
            Task.dispatched_at.is_not(None),
            or_(Task.expires_at.is_(None), Task.expires_at > now()),
        )
        .values(
            **start_values(),
            lease_until=after(bindparam("lease_seconds", type_=Float())),
            worker=bindparam("worker", type_=Text()),
        )
        .returning(*_CLAIMED)
    )


@cache
def claimed_already(count: int) -> Rows:
    """What `claim` would have returned, had its answer not been lost. The same parameters."""
    return select(*_CLAIMED).where(
        _these(count),
        legal_by_key(Event.REPORT),
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
        # Whoever stops of itself has learned of it, also when the word of that is still on its way.
        "cancel_acknowledged_at": case(
            (
                and_(stopped, Task.cancel_requested_at.is_not(None)),
                func.coalesce(Task.cancel_acknowledged_at, now()),
            ),
            else_=Task.cancel_acknowledged_at,
        ),
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
SETTLED = tuple(_SETTLED_COLUMNS)


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
        .where(chosen, legal_by_key(Event.REPORT))
        .values(**_settled_values(source))
        .returning(Task.id, Task.status, Task.delete_requested_at, Task.awaited)
    )


def settled_already(task_id: uuid.UUID, celery_id: uuid.UUID) -> Rows:
    """The row as the attempt's own settlement left it, had its answer not been lost.

    What others write about an attempt that they took for dead is not its settlement.
    """
    return select(Task.id, Task.status, Task.delete_requested_at, Task.awaited).where(
        Task.id == task_id,
        Task.celery_id == celery_id,
        Task.status.in_(FINISHED),
        func.coalesce(Task.reason, "").not_in(SETTLED_BY_OTHERS),
        func.coalesce(Task.stopped_by, "") != "forced",
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
        .where(_these(1), legal_by_key(Event.REPORT))
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
            legal_by_key(Event.REPORT),
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
        .where(Task.id == task_id, Task.celery_id == celery_id, legal_by_key(Event.REPORT))
    )
    return insert(TaskLog).from_select(
        ["task_id", "attempt", "created_at", "level", "message"], chosen
    )
