"""How tasks stand in traces: a span for accepting them, and one for each attempt.

The span of an attempt is written by whoever settles it; here are those who do it for somebody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from app.core import tracing
from app.core.tracing import Facts, Run, Span
from app.db.base import to_micros
from app.domain.lifecycle import Reason, TaskStatus
from app.models import Task
from app.services.attempts import Settled


def submitting(count: int | None = None) -> Span:
    """While a task is accepted, or so many at once; their attempts will be below it."""
    if not tracing.is_on():
        return tracing.SILENT
    facts: dict[str, str | int] = {
        "messaging.system": tracing.SYSTEM,
        "messaging.operation.name": "submit",
        "messaging.operation.type": "create",
    }
    if count is not None:
        facts["messaging.batch.message_count"] = count
    return tracing.span("submit", "producer", facts)


def note_task(span: Span, task_id: uuid.UUID, function: str, queue: str) -> None:
    """Say which task it is about."""
    if span.is_recorded:
        span.note(
            {
                "messaging.destination.name": queue,
                "tasksystem.task.id": str(task_id),
                "tasksystem.task.function": function,
            }
        )


def posting(url: str, place: str | None, about: Facts) -> Span:
    """While somebody else's URL is called, in the trace of what is told there, if that has one.

    Only whose it is: the rest of the URL may be a secret.
    """
    if place is None:
        return tracing.SILENT
    parts = urlsplit(url)
    facts = {
        "http.request.method": "POST",
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        **about,
    }
    return tracing.span("POST", "client", facts, below=place)


def note_outcome(span: Span, status: str, error: str | None) -> None:
    """Say how an attempt has left its task. `error` is what has gone wrong with it, a type."""
    span.note({"tasksystem.task.status": status})
    if error is not None:
        span.fail(error)


def write_lost(settled: Settled) -> None:
    """Write the span of an attempt that somebody else has ended, from its start until now.

    Without it a trace would end in nothing: what the attempt's own process had not sent is gone.
    """
    if settled.lost is None or not tracing.is_on():
        return
    row = settled.lost.row
    stopped = settled.status == TaskStatus.REVOKED or settled.lost.reason is Reason.INTERRUPTED
    error = None if stopped else settled.lost.reason.value
    _write(_run(row), row.started_at, row.worker, settled.status, error)


def reported(task: Task) -> Callable[[], None]:
    """What writes the span of an attempt whose end an executor outside Celery reports."""
    if not tracing.is_on() or task.started_at is None:
        return lambda: None
    error = None if task.error is None else str(task.error.get("type", "reported"))
    return partial(_write, _run(task), task.started_at, task.worker, task.status, error)


def _run(row: Any) -> Run:
    return Run(
        place=row.trace_context,
        task_id=row.id,
        attempt=row.attempt,
        message_id=row.celery_id,
        function=row.celery_task_name,
        queue=row.queue,
    )


def _write(run: Run, began: datetime, worker: str | None, status: str, error: str | None) -> None:
    span = tracing.run(run, to_micros(began) * 1000)
    span.note({"tasksystem.worker": worker or ""})
    note_outcome(span, status, error)
    span.end()
