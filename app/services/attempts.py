"""How an attempt ends. Synchronous: workers, agents and rescue settle, never the API.

A `Settled` says what became of the row; None says that the row was no longer this attempt's,
which is an answer and not an error: somebody else has settled or taken it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from sqlalchemy import Row

from app.core.config import get_settings
from app.db.prepared import Call
from app.db.session import Database
from app.domain.lifecycle import FINISHED, Reason, TaskStatus
from app.domain.retry import MAX_CRASHES, crash_wait
from app.queries import attempts as queries
from app.queries import claims, removal

Pair = tuple[uuid.UUID, uuid.UUID]
LostTo = Literal["crash", "suspect", "neighbour", "timeout", "interrupt", "stop", "memory"]
_REASONS: dict[LostTo, Reason] = {
    "crash": Reason.WORKER_LOST,
    "suspect": Reason.WORKER_LOST,
    "neighbour": Reason.WORKER_LOST,
    "memory": Reason.MEMORY_LIMIT,
    "timeout": Reason.TIMEOUT,
    "interrupt": Reason.INTERRUPTED,
    "stop": Reason.CANCELLED,
}
_UNSPENT: tuple[LostTo, ...] = ("suspect", "neighbour", "interrupt")


# A suspect's turn: somewhat longer than it ran before the death, and than a worker takes to start
# again, or all would begin together on the new one.
TURN_FACTOR = 1.5
TURN_SECONDS = 8.0
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Blame:
    """What a death means for one attempt; `wait_seconds` is added to its usual wait."""

    cause: LostTo
    wait_seconds: float = 0.0


class Claimed(Protocol):
    """What a claim answers: the row's arguments, and the numbers of the attempt."""

    id: uuid.UUID
    celery_id: uuid.UUID
    args: list[Any]
    kwargs: dict[str, Any]
    attempt: int
    tries: int
    max_attempts: int
    requeue_on_interrupt: bool
    trace_context: str | None
    # It depends on other tasks.
    dependent: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the body of an attempt ended, ready to be written. JSON is text already."""

    status: TaskStatus
    reason: str | None = None
    result: str | None = None
    error: str | None = None
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that could not speak for itself any more: its row before the end, and its reason."""

    row: Row[Any]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Settled:
    """A row after its attempt: its status, and the queue to feed if it runs again."""

    task_id: uuid.UUID
    status: str
    queue: str | None = None
    deleted: bool = False
    # Others wait for it: their turn may have come.
    awaited: bool = False
    # Of `lose` alone.
    lost: Lost | None = field(default=None, compare=False)


def claim(database: Database, pair: Pair, worker: str) -> Claimed | None:
    """Start an attempt; None if the row no longer waits for this publish."""
    (found,) = database.run(_claim(pair, worker))
    row: Claimed | None = found.one_or_none()
    return row


def claimed_already(database: Database, pair: Pair, worker: str) -> Claimed | None:
    """The attempt that a claim without an answer has started, or None if it has not."""
    _, parameters = _claim(pair, worker)
    row: Any = database.execute(claims.claimed_already(1), parameters).one_or_none()
    return row  # type: ignore[no-any-return]


def _claim(pair: Pair, worker: str) -> Call:
    bound = claims.bind_pairs([pair])
    bound |= {"worker": worker, "lease_seconds": get_settings().lease_seconds}
    return claims.claim(1), bound


def claim_many(database: Database, pairs: Sequence[Pair], worker: str) -> list[Claimed]:
    """Start attempts, one statement for all; rows that do not wait for it are left out."""
    length = claims.length_for(len(pairs))
    bound = claims.bind_pairs(pairs, length)
    bound |= {"worker": worker, "lease_seconds": get_settings().lease_seconds}
    (found,) = database.run((claims.claim(length), bound))
    return list(found.all())


def return_unbegun(database: Database, pairs: Sequence[Pair]) -> list[Settled]:
    """Undo claims of rows whose body never began; what became of those that were still claimed."""
    if not pairs:
        return []
    rows = database.execute(queries.return_unbegun(pairs)).all()
    return [_removed_if_asked(database, row, row.queue) for row in rows]


def settle(database: Database, outcomes: Sequence[tuple[Pair, Outcome]]) -> list[Settled]:
    """Succeed, fail or stop attempts, one statement for all. Rows not ours are left out."""
    (found,) = database.run(_settlement(outcomes))
    return [_removed_if_asked(database, row) for row in found.all()]


def settle_and_claim(
    database: Database, ended: tuple[Pair, Outcome], pair: Pair, worker: str
) -> tuple[Settled | None, Claimed | None]:
    """Settle one attempt and start another one, of another task, in one transaction."""
    settled, found = database.run(_settlement([ended]), _claim(pair, worker))
    row = settled.one_or_none()
    claimed: Claimed | None = found.one_or_none()
    return None if row is None else _removed_if_asked(database, row), claimed


def _settlement(outcomes: Sequence[tuple[Pair, Outcome]]) -> Call:
    length = claims.length_for(len(outcomes))
    bound = claims.bind_pairs([pair for pair, _ in outcomes], length)
    for index in range(len(outcomes), length):
        bound |= {f"{name}_{index}": None for name in claims.SETTLED}
    for index, (_, outcome) in enumerate(outcomes):
        bound |= {
            f"status_{index}": outcome.status.value,
            f"reason_{index}": outcome.reason,
            f"result_{index}": outcome.result,
            f"error_{index}": outcome.error,
            f"stopped_by_{index}": outcome.stopped_by,
        }
    return claims.settle_if_running(length), bound


def settled_already(database: Database, pair: Pair) -> Settled | None:
    """What became of an attempt whose own settlement was committed and got no answer.

    None if it was not committed, or if somebody else has ended the attempt.
    """
    row = database.execute(claims.settled_already(*pair)).one_or_none()
    if row is not None:
        return _removed_if_asked(database, row)
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
            failed = spend_try or crashed
            connection.execute(queries.archive_attempt(locked, reason.value, error, failed=failed))
    return _removed_if_asked(database, row, row.queue)


def fail(
    database: Database,
    pair: Pair,
    *,
    reason: Reason,
    error: dict[str, Any],
    crashed: bool = False,
    lease_over: bool = False,
    stopped_by: str = "forced",
) -> Settled | None:
    """Fail an attempt whose process is gone; revoke it if a cancel was requested."""
    statement = queries.fail_if_running(
        pair,
        reason=reason.value,
        error=error,
        crashed=crashed,
        lease_over=lease_over,
        stopped_by=stopped_by,
    )
    row = database.execute(statement).one_or_none()
    if row is None:
        return None
    return _removed_if_asked(database, row, row.queue)


def lose(
    database: Database,
    pair: Pair,
    cause: LostTo,
    message: str,
    *,
    lease_over: bool = False,
    stopped_by: str = "forced",
    wait_seconds: float = 0.0,
) -> Settled | None:
    """End an attempt that cannot speak for itself any more, by the policy in its row.

    `crash`: retried while tries are left, quarantined at the third crash, else failed as
    `worker_lost`. Where a death ended several attempts, each is a `suspect` or a `neighbour` of
    one (see `blame`): no try is spent, and only a suspect's crash is counted. `timeout` spends a
    try. `interrupt` spends none. `stop`: the cancel is done. Whatever the cause, a task that may
    start once does not start again.
    """
    row = database.execute(queries.lock_attempt(*pair, lease_over=lease_over)).one_or_none()
    if row is None:
        return None
    settled = _lose(
        database,
        pair,
        row,
        cause,
        message,
        lease_over=lease_over,
        stopped_by=stopped_by,
        wait_seconds=wait_seconds,
    )
    if settled is None:
        return None
    reason = Reason.TIMEOUT if lease_over and row.limit_over else _REASONS[cause]
    return replace(settled, lost=Lost(row, reason))


def _lose(
    database: Database,
    pair: Pair,
    row: Row[Any],
    cause: LostTo,
    message: str,
    *,
    lease_over: bool,
    stopped_by: str,
    wait_seconds: float,
) -> Settled | None:
    crashed = cause in ("crash", "suspect", "memory")
    if lease_over and row.limit_over:
        cause, message = "timeout", f"timed out after {float(row.time_limit)}s"
    reason = _REASONS[cause]
    error = {
        "type": reason.value,
        "message": message,
        "traceback": None,
        "attempt": row.attempt,
    }
    if row.cancel_requested_at is not None:
        # Writes revoked because of the cancel, and like the others only while the lease is over.
        return fail(
            database,
            pair,
            reason=Reason.CANCELLED,
            error=error,
            lease_over=lease_over,
            stopped_by=stopped_by,
        )
    if crashed and row.crash_count + 1 >= MAX_CRASHES:
        return fail(
            database,
            pair,
            reason=Reason.QUARANTINED,
            error={**error, "message": f"{message}; quarantined after {MAX_CRASHES} crashes"},
            crashed=True,
            lease_over=lease_over,
        )
    if not _may_start_again(row, cause):
        return fail(
            database, pair, reason=reason, error=error, crashed=crashed, lease_over=lease_over
        )
    return give_back(
        database,
        pair,
        wait_seconds=wait_seconds + _wait(row, cause),
        # It has not crashed; somebody else's crash has interrupted it.
        reason=Reason.INTERRUPTED if cause == "neighbour" else reason,
        error=error,
        spend_try=cause not in _UNSPENT,
        crashed=crashed,
        lease_over=lease_over,
    )


def _wait(row: Row[Any], cause: LostTo) -> float:
    return 0.0 if cause in ("interrupt", "neighbour") else crash_wait(row.crash_count + 1)


def _may_start_again(row: Row[Any], cause: LostTo) -> bool:
    if cause == "interrupt":
        return bool(row.requeue_on_interrupt and row.max_attempts > 1)
    if cause in _UNSPENT:
        return bool(row.max_attempts > 1)
    return bool(row.tries < row.max_attempts)


def blame(database: Database, pairs: Sequence[Pair]) -> dict[uuid.UUID, Blame]:
    """Whom the death of what ran all these attempts is charged to, by `celery_id`.

    Alone, an attempt has caused it. Of several, nobody knows which; those that were there at
    most earlier deaths are suspects. They run again one after another, the youngest first and
    each with the time that it had needed: a task that ends its worker again and again is then
    soon the only suspect there, and who ran beside it loses neither a try nor its good name.
    """
    if len(pairs) == 1:
        return {pairs[0][1]: Blame("crash")}
    rows = sorted(database.execute(queries.crash_counts(pairs)).all(), key=lambda row: row.age)
    most = max((row.crash_count for row in rows), default=0)
    blamed, wait = {}, 0.0
    for row in rows:
        if row.crash_count < most:
            blamed[row.celery_id] = Blame("neighbour")
            continue
        blamed[row.celery_id] = Blame("suspect", min(wait, LONGEST_WAIT_SECONDS))
        wait += TURN_FACTOR * float(row.age) + TURN_SECONDS
    return blamed


def _removed_if_asked(database: Database, row: Row[Any], queue: str | None = None) -> Settled:
    """A task whose deletion was asked for while it ran goes with its attempt."""
    awaited = bool(row.awaited and row.status in FINISHED)
    if row.delete_requested_at is None or row.status not in FINISHED:
        return Settled(row.id, row.status, queue, awaited=awaited)
    # It stays, finished, while another task needs it; pruning removes it after that.
    removed = database.execute(removal.remove_if_not_running([row.id], None)).first()
    return Settled(row.id, row.status, queue, deleted=removed is not None, awaited=awaited)
