"""Error groups: the same failure, counted once. Finding them, their state, and running tasks again.

The numbers follow what happens by a few seconds (`app.maintenance.grouping`). `owner` None is for
operators: everybody's groups, which have a state of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.base import from_micros, to_micros
from app.db.session import async_session, read_session
from app.db.turns import turn
from app.models import ErrorGroup, GroupState
from app.queries import error_groups as queries
from app.queries.error_groups import GroupFilter
from app.services import cursors
from app.services.building import find_function
from app.services.catalogue import catalogue
from app.services.retrying import retry_each
from app.services.transactions import undone_if_refused

__all__ = ["GroupFilter", "GroupState", "Page", "Refused", "Retried"]

# Of one request; what is left over is for the next one.
MAX_RETRIED = 1000
MAX_RETRIED_BYTES = 16 << 20
# Of one transaction: SQLite's other writers wait for it. With the most dependencies that a task may
# have, so many are as many as go into one bulk order.
PART = 100
# Counting what is left goes no further than this.
MOST_LEFT = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """Groups or tasks in order, and where the next page begins (None: there is none)."""

    items: Sequence[Any]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A task that cannot run again, and why."""

    task_id: uuid.UUID
    detail: str


@dataclass(slots=True)
class Retried:
    """`ids` of the new tasks; `left` still failed and not run again, counted up to `MOST_LEFT`."""

    ids: list[uuid.UUID] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left: int = 0


async def list_groups(
    db: AsyncSession, wanted: GroupFilter, *, limit: int = 100, cursor: str | None = None
) -> Page:
    """One page of groups, newest seen first. `cursor` is a page's `next_cursor`.

    Raises `Invalid` for a cursor that is none.
    """
    after = None if cursor is None else _read_cursor(cursor)
    # One row more than asked for tells whether there is a next page.
    groups = (await db.scalars(queries.newest(wanted, after, limit + 1))).all()
    return _page(groups, limit, lambda group: (to_micros(group.last_seen_at), group.id.hex))


def _read_cursor(cursor: str) -> Any:
    try:
        micros, group_id = cursors.read(cursor)
        if type(micros) is not int:
            raise ValueError(micros)
        return from_micros(micros), uuid.UUID(hex=group_id)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise cursors.refused() from None


def _page(found: Sequence[Any], limit: int, key_of: Callable[[Any], tuple[Any, ...]]) -> Page:
    shown = found[:limit]
    more = len(found) > limit
    return Page(shown, cursors.write(*key_of(shown[-1])) if more else None)


async def get_group(
    db: AsyncSession, group_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> ErrorGroup:
    """One group. Raises `NotFound`, the same for one that is somebody else's."""
    fresh = queries.get(group_id, owner).execution_options(populate_existing=True)
    group: ErrorGroup | None = (await db.scalars(fresh)).first()
    if group is None:
        raise NotFound("There is no such error group")
    return group


async def tasks_of_group(
    db: AsyncSession,
    group_id: uuid.UUID,
    *,
    owner: uuid.UUID | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """One page of the tasks of which an attempt has failed in this way, newest first.

    Raises `NotFound`, and `Invalid` for a cursor that is none.
    """
    group = await get_group(db, group_id, owner=owner)
    after = None if cursor is None else _read_task_cursor(cursor)
    statement = queries.tasks_of(group.fingerprint, owner, after, limit + 1)
    tasks = (await db.scalars(statement)).all()
    return _page(tasks, limit, lambda task: (task.id.hex,))


def _read_task_cursor(cursor: str) -> uuid.UUID:
    try:
        (task_id,) = cursors.read(cursor)
        return uuid.UUID(hex=task_id)
    except (ValueError, TypeError, AttributeError):
        raise cursors.refused() from None


@undone_if_refused
async def resolve(
    db: AsyncSession, group_id: uuid.UUID, by: str, *, owner: uuid.UUID | None = None
) -> ErrorGroup:
    """Say that the failure is dealt with; if it comes back, the group is open again.

    Repeating it keeps the first time and author. Raises `NotFound`.
    """
    await db.execute(queries.resolve_if_open(group_id, owner, by))
    return await _after_change(db, group_id, owner)


@undone_if_refused
async def reopen(
    db: AsyncSession, group_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> ErrorGroup:
    """Take that back. Raises `NotFound`."""
    await db.execute(queries.reopen_if_resolved(group_id, owner))
    return await _after_change(db, group_id, owner)


async def _after_change(
    db: AsyncSession, group_id: uuid.UUID, owner: uuid.UUID | None
) -> ErrorGroup:
    group = await get_group(db, group_id, owner=owner)
    await db.commit()
    return group


async def retry(group_id: uuid.UUID, *, owner: uuid.UUID | None = None) -> Retried:
    """Run the tasks of a group again that are still failed, each as a new one with `retry_of`.

    At most `MAX_RETRIED`, newest first, and none that a retry was made of already. A task that
    cannot run again is refused, and does not keep the others from it. Each part is committed by
    itself: cut off in the middle, the next request does the rest.
    Raises `NotFound`, and `Invalid` when the function is not registered any more.
    """
    async with read_session() as db:
        group = await get_group(db, group_id, owner=owner)
        find_function(group.celery_task_name, catalogue())
    progress = _Progress(group.fingerprint, owner)
    while await progress.take_part():
        pass
    async with read_session() as db:
        left = await db.scalar(queries.number_to_retry(group.fingerprint, owner, MOST_LEFT))
    progress.done.left = int(left or 0)
    return progress.done


@dataclass(slots=True)
class _Progress:
    """How far one request has come through the tasks of a group."""

    fingerprint: uuid.UUID
    owner: uuid.UUID | None
    done: Retried = field(default_factory=Retried)
    tasks: int = 0
    size: int = 0
    last: uuid.UUID | None = None

    async def take_part(self) -> bool:
        """Run the next ones again; False when there are no more, or it were too many."""
        async with turn(), async_session() as db:
            await db.execute(queries.hold(self.fingerprint))
            ids = await self._next(db)
            outcomes = await retry_each(db, ids, owner=self.owner) if ids else {}
            await db.commit()
        for task_id, outcome in outcomes.items():
            if outcome.new_id is not None:
                self.done.ids.append(outcome.new_id)
            elif outcome.refused is not None:
                self.done.refused.append(Refused(task_id, outcome.refused))
        return len(ids) == PART

    async def _next(self, db: AsyncSession) -> list[uuid.UUID]:
        ids: list[uuid.UUID] = []
        limit = min(PART, MAX_RETRIED - self.tasks)
        for row in await db.execute(
            queries.to_retry(self.fingerprint, self.owner, limit, self.last)
        ):
            if self.tasks and self.size + row.size > MAX_RETRIED_BYTES:
                break
            self.tasks += 1
            self.size += row.size
            self.last = row.id
            ids.append(row.id)
        return ids
