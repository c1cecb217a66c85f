"""How an attempt ends: what its body returned or raised, and the write that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.sensitive import told
from app.core.text import MAX_MESSAGE, clean
from app.domain.lifecycle import Reason, TaskStatus
from app.domain.retry import RetryPolicy
from app.queries.leases import other_versions
from app.services import attempts
from app.services.attempts import Outcome, Settled
from app.services.catalogue import catalogue
from app.worker import outcome as outcomes
from app.worker.claim import Claim
from app.worker.connections import database, until_answered
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

# How often a task may meet a worker that has its function with other parameters.
MISFITS = 20
MISFIT_PAUSE_SECONDS = 0.5

# What takes more than one statement, such as giving the task back for another attempt.
Write = Callable[[], Settled | None]
# A plain outcome may be written together with other statements.
Ending = Outcome | Write

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


def returned(claim: Claim, value: Any) -> tuple[Ran, Ending]:
    """The ending of a body that returned `value`."""
    if claim.declared is not None:
        status, result, error = claim.declared
        if status == TaskStatus.FAILED:
            described = {
                "type": "reported",
                "message": clean(told(error or "", claim.secrets), MAX_MESSAGE),
                "traceback": None,
                "attempt": claim.attempt,
            }
            failed = outcomes.failed(described, Reason.REPORTED)
            return Ran(error=RuntimeError(error or "failed")), failed
        if status == TaskStatus.REVOKED:
            return Ran(error=Ignore()), outcomes.stopped(Reason.CANCELLED.value, "cooperative")
        value = result if value is None else value
    outcome = outcomes.succeeded(value, claim.attempt)
    if outcome.status is TaskStatus.FAILED:
        return Ran(error=outcomes.ResultRefused(outcome.reason)), outcome
    return Ran(value), outcome


def as_judged(ran: Ran, settled: Settled | None, secrets: Sequence[str]) -> Ran:
    """What a monitor is to show: how the row was left, whatever the body did, without `secrets`."""
    if ran.error is not None:
        ran = Ran(error=outcomes.without(ran.error, secrets), claimed=ran.claimed)
    status = settled.status if settled is not None else None
    if status == TaskStatus.REVOKED:
        return Ran(error=Ignore(REVOKED))
    if isinstance(ran.error, Retry):
        if status != TaskStatus.FAILED:
            return ran
        return Ran(error=outcomes.without(_cause(ran.error), secrets))
    if status == TaskStatus.PENDING and ran.error is not None:
        name = type(ran.error).__name__
        again = Retry(clean(f"runs again after {name}: {ran.error}", outcomes.SHOWN_LENGTH))
        again.__cause__ = ran.error  # for the traceback
        return Ran(error=again)
    return ran


def raised(claim: Claim, exc: BaseException) -> Ending:
    """The policy for an exception."""
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
        return outcomes.stopped(Reason.CANCELLED.value, claim.stopped_by or "cooperative")
    if isinstance(exc, Ignore):
        return Outcome(TaskStatus.SUCCEEDED)
    if isinstance(exc, DoesNotFit):
        return lambda: _elsewhere_or_failed(claim, exc)
    if isinstance(exc, RetryLater):
        why = outcomes.describe(exc, claim.attempt, claim.secrets)
        return lambda: _again(claim, exc.seconds, why, False)
    if isinstance(exc, Retry):
        return _retry(claim, exc)
    if isinstance(exc, SoftTimeLimitExceeded):
        error = outcomes.timed_out(claim.name, claim.soft_time_limit, claim.attempt)
        return _again_or_failed(claim, error, Reason.TIMEOUT, retried=not claim.given_up)
    error = outcomes.describe(exc, claim.attempt, claim.secrets)
    reason = Reason.REJECTED if isinstance(exc, Reject) else Reason.EXCEPTION
    # Where `autoretry_for` names exceptions, the wrapper around the function has turned those
    # into `Retry` already; any other one is final.
    final = claim.given_up or reason is Reason.REJECTED or policy(claim.name).autoretry
    return _again_or_failed(claim, error, reason, retried=not final)


def written(claim: Claim, ending: Ending) -> Settled | None:
    """Write the ending, however long the database is away; None if the row was not ours any more.

    What the database will not take ends the attempt all the same.
    """

    def write() -> Settled | None:
        return ending() if callable(ending) else _settle(claim, ending)

    def in_doubt(answer: Settled | None) -> Settled | None:
        return answer or attempts.settled_already(database(), claim.pair)

    try:
        return until_answered(write, in_doubt=in_doubt)
    except SQLAlchemyError as exc:
        log.exception("outcome_not_stored", task_id=str(claim.task_id), name=claim.name)
        failed = outcomes.failed(outcomes.not_stored(exc, claim.attempt))
        return until_answered(lambda: _settle(claim, failed), in_doubt=in_doubt)


def policy(name: str) -> RetryPolicy:
    """The retry policy of a function; one try for one that is not in the catalogue."""
    info = catalogue().tasks.get(name)
    return info.policy if info else RetryPolicy(max_retries=0)


def _elsewhere_or_failed(claim: Claim, exc: DoesNotFit) -> Settled | None:
    """During a deployment the function may be another one in a worker of the other version.

    The submission was checked by a process that has it as it was meant. Nothing has run, so this
    costs no try; but it does not go round for ever.
    """
    error = outcomes.describe(exc, claim.attempt, claim.secrets) | {"type": "TypeError"}
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


def _retry(claim: Claim, exc: Retry) -> Ending:
    error = outcomes.describe(_cause(exc), claim.attempt, claim.secrets)
    if claim.tries >= claim.max_attempts:
        return outcomes.failed(error)
    if isinstance(exc, TrackedRetry):
        return lambda: _again(claim, exc.seconds, error, True, exc.arguments)
    return lambda: _again(claim, policy(claim.name).wait(claim.tries - 1), error, True)


def _cause(exc: Retry) -> BaseException:
    """What made it ask for another attempt."""
    given = exc.error if isinstance(exc, TrackedRetry) else exc.exc
    return given if isinstance(given, BaseException) else exc


def _again_or_failed(
    claim: Claim, error: dict[str, Any], reason: Reason, *, retried: bool
) -> Ending:
    if retried and claim.tries < claim.max_attempts:
        wait = policy(claim.name).wait(claim.tries - 1)
        return lambda: _again(claim, wait, error, True)
    return outcomes.failed(error, reason)


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
