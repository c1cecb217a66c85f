"""A hint becomes attempts: claim, run, settle, row by row."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.text import MAX_MESSAGE, clean
from app.domain.lifecycle import Reason, TaskStatus
from app.domain.retry import RetryPolicy
from app.hints import HintRow
from app.queries import claims
from app.queries.leases import other_versions
from app.services import attempts
from app.services.attempts import Outcome, Settled
from app.services.catalogue import catalogue
from app.worker import draining
from app.worker import outcome as outcomes
from app.worker.claim import Claim, expect, forget
from app.worker.connections import database, tell_of_waits, until_answered
from app.worker.link import link
from app.worker.reports import write_rest
from app.worker.signals import (
    AttemptLost,
    DoesNotFit,
    RetryLater,
    TaskCancelled,
    TaskInterrupted,
    TaskTimedOut,
    TrackedRetry,
)

log = get_logger(__name__)

QUIET_SECONDS = 0.1
# How often a task may meet a worker that has its function with other parameters.
MISFITS = 20
MISFIT_PAUSE_SECONDS = 0.5
# A claim that took longer has used up some of the body's time limit.
LATE_SECONDS = 0.2
# What a tracer is told of an attempt that was cancelled.
REVOKED = "revoked"


class Ran:
    """What the tracer is to show of a row: a value, or the exception to raise."""

    __slots__ = ("claimed", "error", "value")

    def __init__(
        self, value: Any = None, error: BaseException | None = None, *, claimed: bool = True
    ) -> None:
        self.value = value
        self.error = error
        self.claimed = claimed


def run_row(row: HintRow, queue: str, name: str, worker: str, body: Callable[[Claim], Any]) -> Ran:
    """Claim a row, run `body` and settle. A row that somebody else has is left alone."""
    if draining.has_begun():
        draining.hand_back(row, queue)
        return Ran(error=Ignore("the worker is shutting down"), claimed=False)
    line = link()
    line.claiming(row, queue, name)
    expect(row.celery_id)
    tell_of_waits(lambda: line.waiting(row))
    asked = time.monotonic()
    try:
        claim = _claim(row, queue, name, worker)
        if claim is None:
            line.settled(row, None, False, None)
            return Ran(error=Ignore("the row was no longer waiting for this hint"), claimed=False)
        started = time.monotonic()
        line.begins(row, late=started - asked > LATE_SECONDS)
        ran, settle = _run(claim, body)
        seconds = time.monotonic() - started
        write_rest(claim)
        settled = _settled_for_sure(claim, settle)
    except SQLAlchemyError:
        # Not an outage, which is waited for. Nobody may go on renewing the lease of this row.
        line.settled(row, None, False, None)
        raise
    finally:
        forget(row.celery_id)
    if settled is not None and settled.status == TaskStatus.REVOKED:
        ran = Ran(error=Ignore(REVOKED))
    _tell(claim, ran, settled, seconds)
    again = settled.queue if settled and settled.status == TaskStatus.PENDING else None
    line.settled(row, again, bool(settled and settled.deleted), seconds)
    if settled is not None and settled.awaited:
        line.awaited()
    return ran


def _tell(claim: Claim, ran: Ran, settled: Settled | None, seconds: float) -> None:
    """One line for an attempt, except for the short successes: the row has all of it."""
    facts = {"task_id": str(claim.task_id), "attempt": claim.attempt, "name": claim.name}
    if settled is None:
        why = "the row belongs to another attempt or was settled for this one"
        log.warning("settlement_refused", **facts, why=why)
    elif settled.status != TaskStatus.SUCCEEDED:
        error = type(ran.error).__name__ if ran.error else None
        log.warning("attempt_ended", **facts, status=settled.status, error=error)
    elif seconds >= QUIET_SECONDS:
        log.info("task_succeeded", **facts, seconds=round(seconds, 3))


def _claim(row: HintRow, queue: str, name: str, worker: str) -> Claim | None:
    parameters = {
        **claims.bind_pairs([(row.task_id, row.celery_id)]),
        "worker": worker,
        "lease_seconds": get_settings().lease_seconds,
    }
    found = until_answered(
        lambda: database().execute(claims.claim(1), parameters).one_or_none(),
        in_doubt=lambda: database().execute(claims.claimed_already(1), parameters).one_or_none(),
    )
    if found is None:
        return None
    return Claim(
        task_id=found.id,
        celery_id=found.celery_id,
        attempt=found.attempt,
        tries=found.tries,
        max_attempts=found.max_attempts,
        requeue_on_interrupt=found.requeue_on_interrupt,
        args=found.args,
        kwargs=found.kwargs,
        queue=queue,
        name=name,
        time_limit=row.time_limit,
        soft_time_limit=row.soft_time_limit,
    )


def _run(claim: Claim, body: Callable[[Claim], Any]) -> tuple[Ran, Callable[[], Settled | None]]:
    """Run the body; returns what to show and how to settle."""
    try:
        with claim.body():
            value = body(claim)
    except BaseException as exc:  # noqa: BLE001 - whatever a body raises is its outcome
        return Ran(error=exc), _how_to_settle(claim, exc)
    return _returned(claim, value)


def _returned(claim: Claim, value: Any) -> tuple[Ran, Callable[[], Settled | None]]:
    if claim.declared is not None:
        status, result, error = claim.declared
        if status == TaskStatus.FAILED:
            described = {
                "type": "reported",
                "message": clean(error or "", MAX_MESSAGE),
                "traceback": None,
                "attempt": claim.attempt,
            }
            failed = outcomes.failed(described, Reason.REPORTED)
            return Ran(error=RuntimeError(error or "failed")), lambda: _settle(claim, failed)
        if status == TaskStatus.REVOKED:
            stopped = outcomes.stopped(Reason.CANCELLED.value, "cooperative")
            return Ran(error=Ignore()), lambda: _settle(claim, stopped)
        value = result if value is None else value
    outcome = outcomes.succeeded(value, claim.attempt)
    if outcome.status is TaskStatus.FAILED:
        refused = outcomes.ResultRefused(outcome.reason)
        return Ran(error=refused), lambda: _settle(claim, outcome)
    return Ran(value), lambda: _settle(claim, outcome)


def _how_to_settle(claim: Claim, exc: BaseException) -> Callable[[], Settled | None]:
    """The policy for an exception, as the write that carries it out."""
    if isinstance(exc, AttemptLost):
        return lambda: None
    if isinstance(exc, TaskInterrupted):
        return lambda: attempts.lose(
            database(), claim.pair, "interrupt", "the worker was shut down", stopped_by="soft"
        )
    if isinstance(exc, TaskTimedOut):
        error = outcomes.timed_out(claim.name, claim.time_limit, claim.attempt)
        return _again_or_failed(claim, error, Reason.TIMEOUT, retried=True)
    if isinstance(exc, TaskCancelled):
        stopped = outcomes.stopped(Reason.CANCELLED.value, claim.stopped_by or "cooperative")
        return lambda: _settle(claim, stopped)
    if isinstance(exc, Ignore):
        return lambda: _settle(claim, Outcome(TaskStatus.SUCCEEDED))
    if isinstance(exc, DoesNotFit):
        return lambda: _elsewhere_or_failed(claim, exc)
    if isinstance(exc, RetryLater):
        return lambda: _again(claim, exc.seconds, outcomes.describe(exc, claim.attempt), False)
    if isinstance(exc, Retry):
        return _retry(claim, exc)
    if isinstance(exc, SoftTimeLimitExceeded):
        error = outcomes.timed_out(claim.name, claim.soft_time_limit, claim.attempt)
        return _again_or_failed(claim, error, Reason.TIMEOUT, retried=True)
    error = outcomes.describe(exc, claim.attempt)
    reason = Reason.REJECTED if isinstance(exc, Reject) else Reason.EXCEPTION
    # Where `autoretry_for` names exceptions, the wrapper around the function has turned those
    # into `Retry` already; any other one is final.
    retried = not policy(claim.name).autoretry and reason is Reason.EXCEPTION
    return _again_or_failed(claim, error, reason, retried=retried)


def _elsewhere_or_failed(claim: Claim, exc: DoesNotFit) -> Settled | None:
    """During a deployment the function may be another one in a worker of the other version.

    The submission was checked by a process that has it as it was meant. Nothing has run, so this
    costs no try; but it does not go round for ever.
    """
    error = outcomes.describe(exc, claim.attempt) | {"type": "TypeError"}
    silence = get_settings().lease_seconds
    others = database().execute(other_versions(silence, catalogue().hash)).all()
    if claim.attempt < MISFITS and any(claim.name in other.catalogue for other in others):
        return attempts.give_back(
            database(),
            claim.pair,
            wait_seconds=MISFIT_PAUSE_SECONDS,
            reason=Reason.INTERRUPTED,
            error=error,
            spend_try=False,
        )
    return _settle(claim, outcomes.failed(error))


def _retry(claim: Claim, exc: Retry) -> Callable[[], Settled | None]:
    cause = exc.exc if isinstance(exc.exc, BaseException) else exc
    error = outcomes.describe(cause, claim.attempt)
    if claim.tries >= claim.max_attempts:
        return lambda: _settle(claim, outcomes.failed(error))
    if isinstance(exc, TrackedRetry):
        return lambda: _again(claim, exc.seconds, error, True, exc.arguments)
    return lambda: _again(claim, policy(claim.name).wait(claim.tries - 1), error, True)


def _again_or_failed(
    claim: Claim, error: dict[str, Any], reason: Reason, *, retried: bool
) -> Callable[[], Settled | None]:
    if retried and claim.tries < claim.max_attempts:
        wait = policy(claim.name).wait(claim.tries - 1)
        return lambda: _again(claim, wait, error, True)
    return lambda: _settle(claim, outcomes.failed(error, reason))


def _again(
    claim: Claim,
    wait_seconds: float,
    error: dict[str, Any],
    spend_try: bool,
    arguments: tuple[list[Any], dict[str, Any]] | None = None,
) -> Settled | None:
    return attempts.give_back(
        database(),
        claim.pair,
        wait_seconds=wait_seconds,
        reason=Reason.RETRY,
        error=error,
        spend_try=spend_try,
        arguments=arguments,
    )


def _settle(claim: Claim, outcome: Outcome) -> Settled | None:
    return next(iter(attempts.settle(database(), [(claim.pair, outcome)])), None)


def _settled_for_sure(claim: Claim, settle: Callable[[], Settled | None]) -> Settled | None:
    """Settle; an outcome that the database will not take ends the attempt all the same."""

    def settled_already() -> Settled | None:
        return attempts.settled_already(database(), claim.pair)

    try:
        return until_answered(settle, in_doubt=settled_already)
    except SQLAlchemyError as exc:
        log.exception("outcome_not_stored", task_id=str(claim.task_id), name=claim.name)
        failed = outcomes.failed(outcomes.not_stored(exc, claim.attempt))
        return until_answered(lambda: _settle(claim, failed), in_doubt=settled_already)


def policy(name: str) -> RetryPolicy:
    """The retry policy of a function; one try for one that is not in the catalogue."""
    info = catalogue().tasks.get(name)
    return info.policy if info else RetryPolicy(max_retries=0)
