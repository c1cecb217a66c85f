"""Statements of executors outside Celery: they claim a task, report on it, and end it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Update,
    case,
    func,
    literal,
    or_,
    update,
)

from app.db.clock import after, micros, new_uuid, now
from app.domain.lifecycle import Event, Reason, TaskStatus
from app.models import Task
from app.queries.claims import start_values
from app.queries.guards import legal
from app.queries.tasks import is_external


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
            **start_values(),
            celery_id=new_uuid(),
            lease_until=after(_least(literal(lease_seconds, Float), Task.time_limit)),
            worker=worker,
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
        is_external(),
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
