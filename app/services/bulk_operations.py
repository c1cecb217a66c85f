"""Orders about many tasks: given, looked at, aborted. `bulk_work` carries them out.

The tasks are chosen in the transaction that takes the order, so later ones are not touched, and what
becomes of one until its turn comes decides only its outcome.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import events
from app.core.errors import Conflict, Invalid, NotFound
from app.db import ids
from app.db.session import async_session, read_session
from app.db.turns import turn
from app.domain.bulk import BulkAction, BulkOutcome, BulkStatus
from app.models import BulkItem, BulkOperation, Task
from app.queries import bulk as queries
from app.queries import listing as listing_queries
from app.queries import tasks as task_queries
from app.services import allowance, bulk_work, listing
from app.services.intake import Key
from app.services.keys import made_by, made_by_first, take_key
from app.services.listing import TaskFilter
from app.services.transactions import undone_if_refused

# So many are done while whoever asks waits; with more, agents go on.
MAX_AT_ONCE = 1000
# Chosen in one transaction, which keeps SQLite's other writers waiting.
MAX_TASKS = 100_000
# Chosen by one statement, so that none takes long.
PAGE = 5000
# Large ones of one user at a time.
MAX_RUNNING = 10
SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What to do to which tasks: those of `ids`, or all that are `wanted`; one of the two.

    `owner` is whose tasks alone, None everybody's, and `shown` the filter as it was given.
    """

    action: BulkAction
    user_id: uuid.UUID
    owner: uuid.UUID | None
    ids: Sequence[uuid.UUID] | None = None
    wanted: TaskFilter | None = None
    shown: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would be about: how many tasks, and the newest of them."""

    total: int
    sample: Sequence[Task]


async def preview(order: Order) -> Preview:
    """Look at what the order is about; nothing is done. Ids of unknown tasks do not count."""
    async with read_session() as db:
        if order.wanted is not None:
            counts = await listing.count_tasks(db, order.wanted)
            page = await listing.list_tasks(db, order.wanted, limit=SAMPLE)
            return Preview(counts["total"], page.tasks)
        found = await db.scalars(task_queries.visible(list(order.ids or ()), order.owner))
        newest = sorted(found, reverse=True)
        tasks = await db.scalars(listing_queries.by_ids(newest[:SAMPLE]))
        return Preview(len(newest), sorted(tasks, key=lambda task: task.id, reverse=True))


async def give(order: Order, key: Key | None = None) -> tuple[BulkOperation, bool]:
    """Take the order, and carry it out at once unless it is a large one.

    Or the operation that the same key has ordered before, as it stands; the bool says which. Raises
    `Invalid` for more than 100,000 tasks, `Conflict` for too many large orders at a time, `TooMany` where
    that were more new tasks than the user may submit.
    """
    async with turn(), async_session() as db:
        operation, replayed = await _take(db, order, key)
    if operation.total > MAX_AT_ONCE:
        events.wake_agents()
        return operation, replayed
    while await bulk_work.advance(operation.id):
        pass
    async with read_session() as db:
        return await get_operation(db, operation.id, owner=order.user_id), replayed


@undone_if_refused
async def _take(db: AsyncSession, order: Order, key: Key | None) -> tuple[BulkOperation, bool]:
    first = None if key is None else await made_by(db, key)
    if first is None:
        begun = await _begin(db, order)
        if key is None or await take_key(db, key, [begun.id]):
            await db.commit()
            return begun, False
        first = await made_by_first(db, key)
    await db.rollback()
    operation = await get_operation(db, first[0], owner=order.user_id)
    await db.commit()
    return operation, True


async def _begin(db: AsyncSession, order: Order) -> BulkOperation:
    operation_id = ids.new_id()
    values = {
        "id": operation_id,
        "user_id": order.user_id,
        "owner": order.owner,
        "action": order.action.value,
        "filter": order.shown,
    }
    await db.execute(queries.insert_operation(values))
    total = await _choose(db, operation_id, order)
    if total > MAX_TASKS:
        raise Invalid(
            f"More than {MAX_TASKS:,} tasks match; narrow the filter, such as by created_before, "
            "and repeat it for the rest",
            code="too_many",
            errors=[{"loc": ["body", "filter"], "msg": "Too many match", "type": "too_many"}],
        )
    if total > MAX_AT_ONCE:
        await _require_few_running(db, order.user_id)
    if order.action is BulkAction.RETRY:
        allowance.require_rate(order.user_id, total)
    begun: BulkOperation = (await db.scalars(queries.begin(operation_id, total))).one()
    return begun


async def _require_few_running(db: AsyncSession, user_id: uuid.UUID) -> None:
    if (await db.scalar(queries.count_large(user_id, MAX_AT_ONCE)) or 0) >= MAX_RUNNING:
        raise Conflict(
            f"{MAX_RUNNING} large bulk operations of yours are running; wait for one of them, or "
            "abort it",
            code="too_many_running",
        )


async def _choose(db: AsyncSession, operation_id: uuid.UUID, order: Order) -> int:
    """Write down which tasks it is about; returns how many."""
    if order.wanted is None:
        items = [{"task_id": each} for each in dict.fromkeys(order.ids or ())]
        await db.execute(queries.take_ids(), {"operation": operation_id, "items": items})
        return len(items)
    total, last = 0, None
    while total <= MAX_TASKS:
        tasks = await listing.matching(db, order.wanted, PAGE, last)
        taken: Any = await db.execute(queries.take_tasks(operation_id, tasks))
        total += taken.rowcount
        if taken.rowcount < PAGE:
            break
        last = await db.scalar(queries.next_tasks(operation_id, None, 1, desc=False))
    return total


@undone_if_refused
async def get_operation(
    db: AsyncSession, operation_id: uuid.UUID, *, owner: uuid.UUID | None
) -> BulkOperation:
    """One operation as it stands. Raises `NotFound`, also for somebody else's."""
    fresh = queries.get(operation_id, owner).execution_options(populate_existing=True)
    found: BulkOperation | None = (await db.scalars(fresh)).first()
    if found is None:
        raise NotFound("There is no such bulk operation")
    return found


async def list_operations(
    db: AsyncSession,
    *,
    owner: uuid.UUID | None,
    status: BulkStatus | None = None,
    after_id: uuid.UUID | None = None,
    limit: int = 100,
) -> Sequence[BulkOperation]:
    """Operations, newest first, after the one of that id."""
    return (await db.scalars(queries.list_operations(owner, status, after_id, limit))).all()


async def list_items(
    db: AsyncSession,
    operation_id: uuid.UUID,
    *,
    outcome: BulkOutcome | None = None,
    after_id: uuid.UUID | None = None,
    limit: int = 100,
) -> Sequence[BulkItem]:
    """What came of each task, by their ids, after the task of that id."""
    return (await db.scalars(queries.list_items(operation_id, outcome, after_id, limit))).all()


@undone_if_refused
async def abort(
    db: AsyncSession, operation_id: uuid.UUID, *, owner: uuid.UUID | None
) -> BulkOperation:
    """Stop an operation after the batch that is under way; what it has done stays done.

    Aborting again changes nothing. Raises `NotFound`, and `Conflict` for one that is finished.
    """
    statement = queries.abort_if_running(operation_id, owner)
    aborted: BulkOperation | None = (await db.scalars(statement)).first()
    if aborted is None:
        aborted = await get_operation(db, operation_id, owner=owner)
        if aborted.status != BulkStatus.ABORTED:
            raise Conflict("The bulk operation has finished already", code="finished")
    await db.commit()
    return aborted
