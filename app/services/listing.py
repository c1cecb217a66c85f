"""Finding tasks: filters, pages, counts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import from_micros, to_micros
from app.domain.lifecycle import TaskStatus
from app.domain.tally import by_status
from app.models import Task
from app.queries import counting
from app.queries import listing as queries
from app.queries.filters import TaskFilter
from app.queries.listing import ORDER_COLUMNS, After, Part
from app.queries.ways import Branch, Way, best, by_spans, milestones, must_ask, ways
from app.services import cursors, naming

__all__ = ["MAX_LIMIT", "ORDERS", "Page", "TaskFilter", "count_tasks", "list_tasks", "matching"]

ORDERS = tuple(ORDER_COLUMNS)
MAX_LIMIT = 500
# Of names, each of a few hundred tasks: so many are looked at where a search has another way, and
# where it has none. If more may have a part of a name, it is not rare.
FEW_BLOCKS, MANY_BLOCKS = 64, 1024
# Spans of ids in one statement.
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Page:
    """Tasks in order, and where the next page begins (None: there is none)."""

    tasks: Sequence[Task]
    next_cursor: str | None


async def list_tasks(
    db: AsyncSession,
    wanted: TaskFilter,
    *,
    order_by: str = "created_at",
    order_desc: bool = True,
    skip: int = 0,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """One page, at most 500 tasks. `cursor` is a page's `next_cursor`, for the same order.

    Raises `Invalid` for an unknown order or a cursor that is none.
    """
    if order_by not in ORDER_COLUMNS:
        raise cursors.refused(f"Unknown order; known: {', '.join(ORDERS)}", "order_by")
    limit = min(limit, MAX_LIMIT)
    after = None if cursor is None else _read_cursor(cursor, order_by, desc=order_desc)
    # One row more than asked for tells whether there is a next page.
    part = Part(order_desc, skip, limit + 1, after)
    rows = await _rows(db, order_by, wanted, part)
    tasks = rows[:limit]
    more = len(rows) > limit
    return Page(tasks, _cursor(tasks[-1], order_by, desc=order_desc) if more else None)


async def newest_versions(
    db: AsyncSession, wanted: TaskFilter, *, limit: int
) -> dict[uuid.UUID, int]:
    """The ids of the first page's tasks and their versions: a fraction of what the page costs."""
    statement = await _statement(db, "created_at", wanted, Part(limit=limit))
    rows = await db.execute(queries.only_versions(statement))
    return {row.id: row.version for row in rows}


async def matching(
    db: AsyncSession, wanted: TaskFilter, limit: int, after_id: uuid.UUID | None
) -> Select[uuid.UUID]:
    """The statement that finds the ids of what is wanted, the newest `limit` after that one."""
    after = None if after_id is None else After(None, after_id)
    statement = await _statement(db, "created_at", wanted, Part(limit=limit, after=after))
    return statement.with_only_columns(Task.id)


async def _rows(db: AsyncSession, order_by: str, wanted: TaskFilter, part: Part) -> list[Task]:
    if order_by == "created_at" and wanted.q is not None and part.skip <= MAX_LIMIT:
        way, _ = await _best_way(db, wanted, part, blocks=_most_blocks(wanted))
        if way is not None and way.is_in_order and len(way.branches) > AT_ONCE:
            return await _walk(db, wanted, part, way.branches)
        return list(await db.scalars(queries.newest(wanted, part, way)))
    return list(await db.scalars(await _statement(db, order_by, wanted, part)))


def _most_blocks(wanted: TaskFilter) -> int:
    """More of them are gone along than are worth it where there is another way."""
    alone = wanted == TaskFilter(
        owner=wanted.owner,
        q=wanted.q,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
    )
    return MANY_BLOCKS if alone else FEW_BLOCKS


async def _walk(
    db: AsyncSession, wanted: TaskFilter, part: Part, branches: Sequence[Branch]
) -> list[Task]:
    """Along branches that stand one behind the other, as far as it takes to fill the page."""
    needed = part.skip + part.limit
    rows: list[Task] = []
    for at in range(0, len(branches), AT_ONCE):
        left = replace(part, skip=0, limit=needed - len(rows))
        way = Way(tuple(branches[at : at + AT_ONCE]))
        rows += await db.scalars(queries.newest(wanted, left, way))
        if len(rows) == needed:
            break
    return rows[part.skip :]


async def _statement(
    db: AsyncSession, order_by: str, wanted: TaskFilter, part: Part
) -> Select[Task]:
    if order_by == "created_at":
        way, _ = await _best_way(db, wanted, part)
        return queries.newest(wanted, part, way)
    # Where the page begins in another order says nothing about ids.
    way, are_few = await _best_way(db, wanted, Part(part.desc), even_one=order_by == "priority")
    if order_by == "priority" and not are_few:
        return queries.by_priority(wanted, part)
    return queries.ordered(order_by, wanted, part, way)


async def _best_way(
    db: AsyncSession,
    wanted: TaskFilter,
    part: Part,
    *,
    even_one: bool = False,
    blocks: int = FEW_BLOCKS,
) -> tuple[Way | None, bool]:
    """The one along which the fewest tasks stand, and whether they are known to be few."""
    among = ways(wanted)
    way, are_few = (among[0] if among else None), False
    if among and (even_one or wanted.q is not None or must_ask(among)):
        statement = milestones(among, wanted, part.after_id, desc=part.desc)
        way, are_few = best(among, (await db.execute(statement)).one(), desc=part.desc)
    if wanted.q is None or are_few:
        return way, are_few
    spans = await naming.spans(db, wanted.q, blocks)
    if spans is None:
        return way, are_few
    return by_spans(spans, wanted, part.after_id, desc=part.desc), True


async def count_tasks(db: AsyncSession, wanted: TaskFilter) -> dict[str, int]:
    """`total` and one number for each status; one statement, so they add up.

    Of all tasks, or all of an owner, at the same cost however many there are.
    """
    if wanted == TaskFilter(owner=wanted.owner, status=wanted.status):
        counts = await _maintained(db, wanted)
    else:
        counts = {status.value: 0 for status in TaskStatus}
        way, _ = await _best_way(db, wanted, Part())
        found = await db.execute(queries.count_by_status(wanted, way))
        counts.update((status, number) for status, number in found)
    return {"total": sum(counts.values()), **counts}


async def _maintained(db: AsyncSession, wanted: TaskFilter) -> dict[str, int]:
    rows: Any = (await db.execute(*counting.count_maintained(wanted.owner))).all()
    counts = by_status(rows)
    chosen = wanted.status or tuple(TaskStatus)
    return {status: number if status in chosen else 0 for status, number in counts.items()}


def _cursor(task: Task, order_by: str, *, desc: bool) -> str:
    value = None if order_by == "created_at" else getattr(task, order_by)
    if isinstance(value, datetime):
        value = to_micros(value)
    return cursors.write(order_by, int(desc), value, task.id.hex)


def _read_cursor(cursor: str, order_by: str, *, desc: bool) -> After:
    try:
        order, direction, value, task_id = cursors.read(cursor)
        if (order, direction) != (order_by, int(desc)):
            raise cursors.refused("The cursor belongs to a list in another order")
        return After(_checked_value(order_by, value), uuid.UUID(hex=task_id))
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise cursors.refused() from None


def _checked_value(order_by: str, value: Any) -> Any:
    kind = {"created_at": type(None), "name": str, "status": str}.get(order_by, int)
    if type(value) is not kind:
        raise ValueError(value)
    if order_by == "updated_at":
        return from_micros(value)
    if isinstance(value, int) and not -(2**15) <= value < 2**15:
        raise ValueError(value)
    return value
