"""The spans of the attempts that this process runs.

One begins with the claim, is that below which the body's own spans are, and ends once the attempt is
settled. If the settlement is refused it never ends, and so is never sent: whoever has settled the attempt
has written it.
"""

from __future__ import annotations

import time
from functools import cache

from celery.exceptions import Ignore, Retry
from sqlalchemy.exc import SQLAlchemyError

from app.core import tracing
from app.core.config import get_settings
from app.core.tracing import Facts, Run, Span
from app.domain.lifecycle import TaskStatus
from app.queries.traces import places_of_needed
from app.services.attempts import Settled
from app.services.traces import note_outcome
from app.worker.claim import Claim
from app.worker.connections import relaxed_database
from app.worker.settling import Ran
from app.worker.signals import DoesNotFit, RetryLater, TaskInterrupted, TrackedRetry

# Tasks that one depends on to which its span is linked.
MAX_NEEDED = 32
_NO_FAILURE = (DoesNotFit, Ignore, RetryLater, TaskInterrupted)


def begin(claim: Claim, worker: str, asked: float, *, alone: bool = True) -> Span:
    """The span of an attempt that has just been claimed, `asked` (monotonic) being when that began.

    `alone`: its claim was a statement of its own, or shared with the settlement before it.
    """
    if not tracing.is_on():
        return tracing.SILENT
    began = time.time_ns() - round((time.monotonic() - asked) * 1e9)
    span = tracing.run(
        Run(
            place=claim.trace_context,
            task_id=claim.task_id,
            attempt=claim.attempt,
            message_id=claim.celery_id,
            function=claim.name,
            queue=claim.queue,
        ),
        began,
    )
    claim.place = span.place
    if span.is_recorded:
        span.note({"tasksystem.worker": worker})
        if alone:
            span.child("claim", "client", began, _facts("claim", "receive"))
        if claim.dependent:
            _link_needed(span, claim)
    return span


def settling() -> Span:
    """While the attempt around it is settled."""
    return tracing.span("settle", "client", _facts("settle", "settle"))


def spawning(claim: Claim, count: int) -> Span:
    """While subtasks are submitted, also by a thread of the task's own, which is in no span."""
    facts: Facts = {
        "messaging.system": tracing.SYSTEM,
        "messaging.operation.name": "spawn",
        "messaging.operation.type": "create",
        "messaging.batch.message_count": count,
    }
    return tracing.span("spawn", "producer", facts, below=tracing.here() or claim.place)


def end(span: Span, ran: Ran, settled: Settled | None, at_ns: int | None = None) -> None:
    """The attempt is over; it was settled so, or, with None, by somebody else."""
    if settled is not None and span.is_recorded:
        note_outcome(span, settled.status, _error(ran, settled.status))
        span.end(at_ns)


def _error(ran: Ran, status: str) -> str | None:
    """What has gone wrong with the attempt, as the type that its row has."""
    error = ran.error
    if error is None or status in (TaskStatus.SUCCEEDED, TaskStatus.REVOKED):
        return None
    if isinstance(error, TrackedRetry):
        error = error.error or error
    elif isinstance(error, Retry):
        error = error.exc if isinstance(error.exc, BaseException) else error
    return None if isinstance(error, _NO_FAILURE) else type(error).__qualname__


def _link_needed(span: Span, claim: Claim) -> None:
    wanted = {"task": claim.task_id, "most": MAX_NEEDED}
    try:
        found = relaxed_database().execute(places_of_needed(), wanted).all()
    except SQLAlchemyError:
        return  # the links are missing; nobody waits for them
    for row in found:
        span.link(tracing.place_of(row.trace_context, row.id, row.attempt))


@cache
def _facts(name: str, kind: str) -> Facts:
    """Of a step that is a message's and a statement at the same time."""
    return {
        "messaging.system": tracing.SYSTEM,
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
        "db.system.name": "sqlite" if get_settings().is_sqlite else "postgresql",
        "db.operation.name": "UPDATE",
        "db.collection.name": "tasks",
    }
