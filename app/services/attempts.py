"""How an attempt ends. Synchronous: workers, agents and rescue settle, never the API.

A `Settled` says what became of the row; None says that the row was no longer this attempt's,
which is an answer and not an error: somebody else has settled or taken it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.core.config import get_settings
from app.db.session import Database
from app.domain.lifecycle import FINISHED, Reason, TaskStatus
from app.domain.retry import MAX_CRASHES, crash_wait
from app.queries import attempts as queries
from app.queries import claims
from app.queries import tasks as task_queries

Pair = tuple[uuid.UUID, uuid.UUID]
LostTo = Literal["crash", "timeout", "interrupt", "stop", "memory"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the body of an attempt ended, ready to be written. JSON is text already."""

    status: TaskStatus
    reason: str | None = None
    result: str | None = None
    error: str | None = None
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A row after its attempt: its status, and the queue to feed if it runs again."""

    task_id: uuid.UUID
    status: str
    queue: str | None = None
    deleted: bool = False


def settle(database: Database, outcomes: Sequence[tuple[Pair, Outcome]]) -> list[Settled]:
    """Succeed, fail or stop attempts, one statement for all. Rows not ours are left out."""
    parameters = claims.bind_pairs([pair for pair, _ in outcomes])
    for index, (_, outcome) in enumerate(outcomes):
        parameters |= {
            f"status_{index}": outcome.status.value,
            f"reason_{index}": outcome.reason,
            f"result_{index}": outcome.result,
            f"error_{index}": outcome.error,
            f"stopped_by_{index}": outcome.stopped_by,
        }
    rows = database.execute(claims.settle_if_running(len(outcomes)), parameters).all()
    return [
        _removed_if_asked(database, row.id, row.status, None, row.delete_requested_at)
        for row in rows
    ]


def settled_already(database: Database, pair: Pair) -> Settled | None:
    """What became of an attempt whose own settlement was committed and got no answer.

    None if it was not committed, or if somebody else has ended the attempt.
    """
    row = database.execute(claims.settled_already(*pair)).one_or_none()
    if row is not None:
        return _removed_if_asked(database, row.id, row.status, None, row.delete_requested_at)
    row = database.execute(queries.given_back_already(*pair)).one_or_none()
    return None if row is None else Settled(row.id, row.status, row.queue)


def give_back(
    database: Database,
    pair: Pair,
    *,
    wait_seconds: float,
    reason: Reason,
    error: dict[str, Any] | None,
    spend_try: bool = True,
    crashed: bool = False,
    lease_over: bool = False,
    arguments: tuple[list[Any], dict[str, Any]] | None = None,
) -> Settled | None:
    """Let another attempt follow after `wait_seconds`; keeps this one in the history."""
    with database.transaction() as connection:
        locked = connection.execute(
            queries.lock_attempt(*pair, lease_over=lease_over)
        ).one_or_none()
        if locked is None:
            return None
        row = connection.execute(
            queries.give_back(
                pair,
                wait_seconds=wait_seconds,
                reason=reason.value,
                error=error,
                spend_try=spend_try,
                crashed=crashed,
                ageing_seconds=get_settings().ageing_seconds,
                lease_over=lease_over,
                arguments=arguments,
            )
        ).one_or_none()
        if row is None:
            return None
        if row.status == TaskStatus.PENDING:
            connection.execute(queries.archive_attempt(locked, reason.value, error))
    return _removed_if_asked(database, row.id, row.status, row.queue, row.delete_requested_at)


def fail(
    database: Database,
    pair: Pair,
    *,
    reason: Reason,
    error: dict[str, Any],
    crashed: bool = False,
    lease_over: bool = False,
) -> Settled | None:
    """Fail an attempt whose process is gone; revoke it if a cancel was requested."""
    statement = queries.fail_if_running(
        pair, reason=reason.value, error=error, crashed=crashed, lease_over=lease_over
    )
    row = database.execute(statement).one_or_none()
    if row is None:
        return None
    return _removed_if_asked(database, row.id, row.status, row.queue, row.delete_requested_at)


def lose(
    database: Database,
    pair: Pair,
    cause: LostTo,
    message: str,
    *,
    lease_over: bool = False,
) -> Settled | None:
    """End an attempt that cannot speak for itself any more, by the policy in its row.

    `crash`: retried while tries are left, quarantined at the third crash, else failed as
    `worker_lost`. `timeout` spends a try. `interrupt` spends none. `stop`: the cancel is done.
    """
    row = database.execute(queries.lock_attempt(*pair, lease_over=lease_over)).one_or_none()
    if row is None:
        return None
    crashed = cause in ("crash", "memory")
    reason = {
        "crash": Reason.WORKER_LOST,
        "memory": Reason.MEMORY_LIMIT,
        "timeout": Reason.TIMEOUT,
        "interrupt": Reason.INTERRUPTED,
        "stop": Reason.CANCELLED,
    }[cause]
    error = {
        "type": reason.value,
        "message": message,
        "traceback": None,
        "attempt": row.attempt,
    }
    if row.cancel_requested_at is not None:
        # Writes revoked because of the cancel, and like the others only while the lease is over.
        return fail(database, pair, reason=Reason.CANCELLED, error=error, lease_over=lease_over)
    if crashed and row.crash_count + 1 >= MAX_CRASHES:
        return fail(
            database,
            pair,
            reason=Reason.QUARANTINED,
            error={**error, "message": f"{message}; quarantined after {MAX_CRASHES} crashes"},
            crashed=True,
            lease_over=lease_over,
        )
    again = row.requeue_on_interrupt if cause == "interrupt" else row.tries < row.max_attempts
    if not again:
        return fail(
            database, pair, reason=reason, error=error, crashed=crashed, lease_over=lease_over
        )
    return give_back(
        database,
        pair,
        wait_seconds=0.0 if cause == "interrupt" else crash_wait(row.crash_count + 1),
        reason=reason,
        error=error,
        spend_try=cause != "interrupt",
        crashed=crashed,
        lease_over=lease_over,
    )


def _removed_if_asked(
    database: Database,
    task_id: uuid.UUID,
    status: str,
    queue: str | None,
    delete_requested: object,
) -> Settled:
    """A task whose deletion was asked for while it ran goes with its attempt."""
    if delete_requested is None or status not in FINISHED:
        return Settled(task_id, status, queue)
    database.execute(task_queries.remove_if_not_running(task_id, None))
    return Settled(task_id, status, queue, deleted=True)
