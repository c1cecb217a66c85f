"""A message becomes attempts: its rows are claimed, run and settled, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery.exceptions import Ignore
from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.tracing import Span
from app.domain.lifecycle import TaskStatus
from app.hints import HintRow
from app.services import attempts
from app.services.attempts import Claimed, Outcome, Settled
from app.worker import checkpoints, draining, traces
from app.worker.claim import Claim, expect, forget
from app.worker.connections import database, tell_of_waits, until_answered
from app.worker.link import link
from app.worker.reports import write_rest
from app.worker.settling import Ending, Ran, as_judged, raised, returned, written

log = get_logger(__name__)

QUIET_SECONDS = 0.1
# A claim that took longer has used up some of the body's time limit.
LATE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Message:
    """What all rows of a message have in common, and what is to be told of each."""

    queue: str
    name: str
    worker: str
    body: Callable[[Claim], Any]
    ended: Callable[[HintRow, Ran], None] = lambda row, ran: None


@dataclass(frozen=True, slots=True)
class Begun:
    """A claim that was made; `late` if it had to wait."""

    claim: Claim
    late: bool
    span: Span


def run_rows(rows: Sequence[HintRow], message: Message) -> Ran:
    """Run the rows in turn; what became of the last one.

    A row is claimed just before it runs, and settled before the next one begins; the settlement
    and the next claim are one transaction. A row that somebody else has is left alone.
    """
    ran = Ran(claimed=False)
    begun: Begun | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        try:
            begun = begun or _begin(row, message)
            if begun is None:
                refused = Ignore("the row was no longer waiting for this hint")
                ran = Ran(error=refused, claimed=False)
                continue
            ran, begun = _run_row(row, begun, following, message)
        except SQLAlchemyError:
            # Not an outage, which is waited for. Nobody may go on renewing the lease of this row.
            link().settled(row, None, False, None)
            raise
        finally:
            forget(row.celery_id)
        message.ended(row, ran)
    return ran


def _begin(row: HintRow, message: Message) -> Begun | None:
    """Claim a row by itself."""
    if draining.has_begun():
        draining.hand_back(row, message.queue)
        return None
    _announce(row, message)
    tell_of_waits(lambda: link().waiting(row))
    asked = time.monotonic()
    pair, worker = _pair(row), message.worker

    def in_doubt(found: Claimed | None) -> Claimed | None:
        return found or attempts.claimed_already(database(), pair, worker)

    found = until_answered(lambda: attempts.claim(database(), pair, worker), in_doubt=in_doubt)
    return _made(row, found, message, asked)


def _announce(row: HintRow, message: Message) -> None:
    """Say what is about to be claimed, and keep what is ordered until its body begins."""
    link().claiming(row, message.queue, message.name)
    expect(row.celery_id)


def _made(row: HintRow, found: Claimed | None, message: Message, asked: float) -> Begun | None:
    if found is None:
        link().settled(row, None, False, None)
        link().refused(1)
        return None
    claim = make_claim(row, found, message)
    span = traces.begin(claim, message.worker, asked)  # may ask the database, too
    return Begun(claim, time.monotonic() - asked > LATE_SECONDS, span)


def make_claim(row: HintRow, found: Claimed, message: Message) -> Claim:
    """The attempt that a claim has started."""
    return Claim(
        task_id=row.task_id,
        celery_id=row.celery_id,
        attempt=found.attempt,
        tries=found.tries,
        max_attempts=found.max_attempts,
        requeue_on_interrupt=found.requeue_on_interrupt,
        args=found.args,
        kwargs=found.kwargs,
        queue=message.queue,
        name=message.name,
        time_limit=row.time_limit,
        soft_time_limit=row.soft_time_limit,
        trace_context=found.trace_context,
        dependent=found.dependent,
    )


def _run_row(
    row: HintRow, begun: Begun, following: HintRow | None, message: Message
) -> tuple[Ran, Begun | None]:
    claim, line = begun.claim, link()
    started = time.monotonic()
    line.begins(row, late=begun.late)
    with begun.span:
        ran, ending = run_body(claim, message.body)
        seconds = time.monotonic() - started
        write_rest(claim)
        with traces.settling():
            settled, ahead = _write(row, claim, ending, following, message)
        checkpoints.forget(claim, settled)
        tell(claim, ran, settled, seconds)
    traces.end(begun.span, ran, settled)
    again = settled.queue if settled and settled.status == TaskStatus.PENDING else None
    line.settled(row, again, bool(settled and settled.deleted), seconds)
    if settled is not None and settled.awaited:
        line.awaited()
    if ahead is not None:
        # Its limits count from its own begin, and it alone may be stopped from here on.
        line.flush()
    return as_judged(ran, settled, claim.secrets), ahead


def run_body(claim: Claim, body: Callable[[Claim], Any]) -> tuple[Ran, Ending]:
    """Run the body; what to show, and how to settle."""
    try:
        with claim.body():
            value = body(claim)
    except BaseException as exc:  # noqa: BLE001 - whatever a body raises is its outcome
        return Ran(error=exc), raised(claim, exc)
    return returned(claim, value)


def _write(
    row: HintRow, claim: Claim, ending: Ending, following: HintRow | None, message: Message
) -> tuple[Settled | None, Begun | None]:
    """Settle, and where it can be done in the same transaction claim the following row."""
    tell_of_waits(lambda: link().waiting(row))
    if following is None or not isinstance(ending, Outcome) or draining.has_begun():
        return written(claim, ending), None
    _announce(following, message)
    asked = time.monotonic()
    try:
        settled, found = _settle_and_claim(claim, ending, following, message)
    except SQLAlchemyError:
        # Neither was committed: what is wrong is wrong with one of the two.
        link().settled(following, None, False, None)
        forget(following.celery_id)
        return written(claim, ending), None
    return settled, _made(following, found, message, asked)


def _settle_and_claim(
    claim: Claim, outcome: Outcome, following: HintRow, message: Message
) -> tuple[Settled | None, Claimed | None]:
    def in_doubt(
        answer: tuple[Settled | None, Claimed | None],
    ) -> tuple[Settled | None, Claimed | None]:
        settled, found = answer
        pair, worker = _pair(following), message.worker
        return (
            settled or attempts.settled_already(database(), claim.pair),
            found or attempts.claimed_already(database(), pair, worker),
        )

    return until_answered(
        lambda: attempts.settle_and_claim(
            database(), (claim.pair, outcome), _pair(following), message.worker
        ),
        in_doubt=in_doubt,
    )


def _pair(row: HintRow) -> attempts.Pair:
    return row.task_id, row.celery_id


def tell(claim: Claim, ran: Ran, settled: Settled | None, seconds: float) -> None:
    """One line for an attempt, except for the short successes: the row has all of it."""
    if settled is not None and settled.status == TaskStatus.SUCCEEDED and seconds < QUIET_SECONDS:
        return
    facts = {"task_id": str(claim.task_id), "attempt": claim.attempt, "name": claim.name}
    if settled is None:
        why = "the row belongs to another attempt or was settled for this one"
        log.warning("settlement_refused", **facts, why=why)
    elif settled.status != TaskStatus.SUCCEEDED:
        error = type(ran.error).__name__ if ran.error else None
        log.warning("attempt_ended", **facts, status=settled.status, error=error)
    else:
        log.info("task_succeeded", **facts, seconds=round(seconds, 3))
