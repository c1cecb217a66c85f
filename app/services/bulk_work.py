"""Carrying out bulk operations, a batch at a time.

A batch is one transaction: the tasks, their outcomes and how far the operation has come change
together, or not at all. So whoever works on it may die at any moment, and several may work on it:
the operation's row is locked, and the next batch begins where the last one that counts has ended.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.db.faults import is_locked
from app.db.session import async_session, limit_lock_waits
from app.db.turns import turn
from app.domain.bulk import BulkAction, BulkOutcome, newest_first
from app.models import BulkOperation
from app.queries import bulk as queries
from app.services.ending import CancelOutcome, DeleteOutcome, cancel_each, delete_each
from app.services.retrying import Retried, retry_each

# Tasks of one batch: SQLite's other writers wait for it.
BATCH = 100
# PostgreSQL looks for waits in a circle after a second, and then ends the work of either side.
LOCK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it for one task."""

    outcome: BulkOutcome
    detail: str | None = None
    new_task_id: uuid.UUID | None = None


Owner = uuid.UUID | None
Act = Callable[[AsyncSession, Sequence[uuid.UUID], Owner], Awaitable[Mapping[uuid.UUID, Result]]]


async def advance(operation_id: uuid.UUID, limit: int = BATCH) -> int:
    """Do the next batch; returns of how many tasks, 0 when the operation is over.

    A batch that holds some of its tasks waits only a moment for the others: whoever has one of those
    may wait for one of these. A task alone is waited for, because nobody waits for it meanwhile.
    """
    try:
        return await _batch(operation_id, limit)
    except Conflict:
        # Somebody has just taken the unique key of one that is to run again: now that is seen.
        return await _batch(operation_id, 1)
    except DBAPIError as exc:
        if not is_locked(exc):
            raise
        return await _batch(operation_id, 1)


async def _batch(operation_id: uuid.UUID, limit: int) -> int:
    async with turn(), async_session() as db:
        operation = (await db.scalars(queries.lock_running(operation_id))).first()
        if operation is None:
            await db.rollback()
            return 0
        ids = await _next(db, operation, limit)
        if len(ids) > 1:
            await limit_lock_waits(await db.connection(), LOCK_SECONDS)
        results = await _ACTS[BulkAction(operation.action)](db, ids, operation.owner)
        await _keep(db, operation, ids[-1], results)
        await db.commit()
        return len(ids)


async def _next(db: AsyncSession, operation: BulkOperation, limit: int) -> list[uuid.UUID]:
    desc = newest_first(BulkAction(operation.action))
    statement = queries.next_tasks(operation.id, operation.reached, limit, desc=desc)
    return list(await db.scalars(statement))


async def _keep(
    db: AsyncSession,
    operation: BulkOperation,
    reached: uuid.UUID,
    results: Mapping[uuid.UUID, Result],
) -> None:
    """Write down what came of each, and how far the operation has come."""
    kept = [
        {
            "operation": operation.id,
            "task": task_id,
            "outcome_": result.outcome.value,
            "detail_": result.detail,
            "new_task_": result.new_task_id,
        }
        for task_id, result in results.items()
    ]
    await (await db.connection()).execute(queries.keep_outcome(), kept)
    counts = Counter(operation.outcomes)
    counts.update(result.outcome.value for result in results.values())
    values = {"outcomes": dict(counts), "reached": reached}
    await db.execute(queries.go_on(operation.id, values, len(results)))


async def _cancel(
    db: AsyncSession, ids: Sequence[uuid.UUID], owner: Owner
) -> Mapping[uuid.UUID, Result]:
    outcomes = await cancel_each(db, ids, owner=owner)
    return {task_id: Result(_CANCELLED[outcome]) for task_id, outcome in outcomes.items()}


async def _delete(
    db: AsyncSession, ids: Sequence[uuid.UUID], owner: Owner
) -> Mapping[uuid.UUID, Result]:
    outcomes = await delete_each(db, ids, owner=owner)
    return {task_id: Result(_DELETED[outcome]) for task_id, outcome in outcomes.items()}


async def _retry(
    db: AsyncSession, ids: Sequence[uuid.UUID], owner: Owner
) -> Mapping[uuid.UUID, Result]:
    outcomes = await retry_each(db, ids, owner=owner)
    return {task_id: _retried(retried) for task_id, retried in outcomes.items()}


def _retried(retried: Retried) -> Result:
    if retried.new_id is not None:
        return Result(BulkOutcome.RETRIED, new_task_id=retried.new_id)
    if retried.refused is not None:
        return Result(BulkOutcome.REFUSED, detail=retried.refused)
    unknown = retried.status is None
    return Result(BulkOutcome.NOT_FOUND if unknown else BulkOutcome.NOT_FINISHED)


_ACTS: dict[BulkAction, Act] = {
    BulkAction.CANCEL: _cancel,
    BulkAction.RETRY: _retry,
    BulkAction.DELETE: _delete,
}
_CANCELLED = {
    CancelOutcome.REVOKED_NOW: BulkOutcome.REVOKED,
    CancelOutcome.ALREADY_REVOKED: BulkOutcome.ALREADY_REVOKED,
    CancelOutcome.REQUESTED: BulkOutcome.STOPPING,
    CancelOutcome.FINISHED: BulkOutcome.FINISHED,
    CancelOutcome.UNKNOWN: BulkOutcome.NOT_FOUND,
}
_DELETED = {
    DeleteOutcome.REMOVED: BulkOutcome.DELETED,
    DeleteOutcome.REQUESTED: BulkOutcome.STOPPING,
    DeleteOutcome.NEEDED: BulkOutcome.NEEDED,
    DeleteOutcome.UNKNOWN: BulkOutcome.NOT_FOUND,
}
