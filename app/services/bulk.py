"""Creating many tasks in one transaction, all of them or none.

Rows are built in a thread, a page ahead of the one that the database inserts: neither waits for the
other, and the event loop for neither of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.core.errors import Conflict, Invalid, TooMany
from app.db.session import async_session, read_session, take_turns
from app.db.turns import turn
from app.domain.lifecycle import ACTIVE, Event, TaskStatus
from app.queries import dependencies as edge_queries
from app.queries import intake as queries
from app.queries import tasks as task_queries
from app.services import allowance, traces
from app.services.announcing import tell_all_after_commit
from app.services.bulk_order import Order, Row, error, order_of, refuse
from app.services.intake import MAX_BYTES, Key
from app.services.keys import made_by, made_by_first, take_key
from app.services.local_names import Fields
from app.services.transactions import undone_if_refused
from app.services.uniqueness import contended, make_room

# Rows of one INSERT, so that none takes long.
PAGE = 500
# Ids of one statement that locks rows; several go on in the order of the ids.
LOCKED_PAGE = 1000
EDGES_PAGE = 5000


@undone_if_refused
async def create_many(
    db: AsyncSession,
    tasks: Sequence[Fields],
    *,
    user_id: uuid.UUID | str | None = None,
    commit: bool = True,
) -> list[uuid.UUID]:
    """Accept up to 10,000 tasks, all or none; returns their ids in order.

    Each is a mapping of the arguments of `create_task`, and may have a `local_id` by which the
    others name it in `depends_on` and `parent_id`. With `commit=False` the rows belong to the
    caller's transaction and are dispatched once that commits.
    Raises `Invalid` with every place that does not fit, as `["body", "tasks", number, ...]`, and
    `Conflict` for a unique key that an unfinished task has, or when more would wait than may.
    """
    owner = uuid.UUID(user_id) if isinstance(user_id, str) else user_id
    order = order_of(tasks, owner)
    with traces.submitting(len(tasks)):
        await _insert(db, order)
    if commit:
        await db.commit()
    return order.answer


async def accept_many(
    tasks: Sequence[Fields],
    *,
    user_id: uuid.UUID,
    sees_all: bool = False,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> tuple[list[uuid.UUID], bool]:
    """The same in a transaction of its own, or the ids of the tasks that the same key made; the
    bool says which. `sees_all`: they may refer to everybody's tasks. Raises `TooMany` as well.
    """
    key = Key.of(user_id, idempotency_key, fingerprint)
    try:
        allowance.require_rate(user_id, len(tasks))
        order = await asyncio.to_thread(order_of, tasks, user_id, sees_all=sees_all)
    except (Invalid, TooMany):
        # What was fit to be accepted then need not be now: a function may be gone.
        if key is None or (first := await _made_before(key)) is None:
            raise
        return first, True
    with traces.submitting(len(tasks)):
        async with turn(), async_session() as db:
            return await _submit(db, order, key)


async def _made_before(key: Key) -> list[uuid.UUID] | None:
    async with read_session() as db:
        return await made_by(db, key)


@undone_if_refused
async def _submit(db: AsyncSession, order: Order, key: Key | None) -> tuple[list[uuid.UUID], bool]:
    first = None if key is None else await made_by(db, key)
    if first is None:
        try:
            await _insert(db, order)
        except (Invalid, Conflict):
            # The first request with the key may have come in between, and have its unique keys.
            if key is None or (first := await made_by(db, key)) is None:
                raise
    if first is not None:
        await db.rollback()
        return first, True
    if key is not None and not await take_key(db, key, order.answer):
        return await made_by_first(db, key), True
    await db.commit()
    return order.answer, False


async def _insert(db: AsyncSession, order: Order) -> None:
    await allowance.require_room(order.user_id, len(order.ids))
    if order.keys:
        # Two that want the same keys in different orders would else wait for each other.
        await take_turns(db, f"unique keys of {order.user_id}")
        order.stand_in(await make_room(db, order.modes()))
    await _require_parents(db, order)
    await _lock_needed(db, order)
    building = _build(order, 0)
    try:
        for start in range(PAGE, len(order.ids) + PAGE, PAGE):
            rows = await building
            building = _build(order, start)
            if rows:
                await _insert_page(db, rows)
    finally:
        building.cancel()
    await _insert_edges(db, order)


def _build(order: Order, start: int) -> asyncio.Task[list[Row]]:
    return asyncio.create_task(asyncio.to_thread(order.rows, start, PAGE))


async def _insert_page(db: AsyncSession, rows: list[Row]) -> None:
    insert = queries.insert_drafts_if_free if "unique_key" in rows[0] else queries.insert_drafts
    statement = insert(tuple(rows[0]), get_settings().ageing_seconds)
    for part in _parts(rows):
        made: Any = await db.execute(statement, {"rows": part})
        if made.returns_rows and len(made.all()) < len(part):
            raise contended()
    if tags := [{"task_id": row["id"], "tag": tag} for row in rows for tag in row["tags"]]:
        await db.execute(queries.insert_tags(), {"tags": tags})
    tell_all_after_commit(db, {row["id"]: row["queue"] for row in rows})


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    """The rows, no more than `MAX_BYTES` of arguments at a time, but at least one."""
    part: list[Row] = []
    for row in rows:
        if part and sum(each["size"] for each in part) + row["size"] > MAX_BYTES:
            yield part
            part = []
        part.append(row)
    yield part


async def _require_parents(db: AsyncSession, order: Order) -> None:
    wanted = list(order.references("parent_id"))
    found: set[uuid.UUID] = set()
    for page in _pages({each for _, each in wanted}, LOCKED_PAGE):
        found.update(await db.scalars(task_queries.visible(page, order.may_see)))
    refuse(
        error(place, f"parent_id {each} does not exist", "unknown_task")
        for place, each in wanted
        if each not in found
    )


async def _lock_needed(db: AsyncSession, order: Order) -> None:
    """Learn how the tasks of others stand that these need; none can finish until the commit."""
    wanted = list(order.references("depends_on"))
    unaware: list[uuid.UUID] = []
    for page in _pages({each for _, each in wanted}, LOCKED_PAGE):
        found = (await db.execute(edge_queries.lock_needed(page, order.may_see))).all()
        order.statuses |= {each.id: each.status for each in found}
        unaware += [each.id for each in found if each.status in ACTIVE and not each.awaited]
    refuse(
        error(place, f"task {each} does not exist", "unknown_task")
        for place, each in wanted
        if each not in order.statuses
    )
    for page in _pages(unaware, LOCKED_PAGE):
        await db.execute(edge_queries.await_them(page))
    order.statuses |= dict.fromkeys(order.named.needed, TaskStatus.PENDING.value)


def _pages(ids: Iterable[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    ordered = sorted(ids)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))


async def _insert_edges(db: AsyncSession, order: Order) -> None:
    edges = order.edges()
    for start in range(0, len(edges), EDGES_PAGE):
        await db.execute(queries.insert_edges(), {"edges": edges[start : start + EDGES_PAGE]})
    ended: dict[Event, list[Row]] = {}
    for event, parameters in order.endings():
        ended.setdefault(event, []).append(parameters)
    for event, several in ended.items():
        await (await db.connection()).execute(edge_queries.end(event), several)
    gone = {each["task"] for several in ended.values() for each in several}
    # Those that end at once and are needed themselves are the agents' affair from the commit on.
    tell_all_after_commit(db, {}, agents=not order.named.needed.isdisjoint(gone))
