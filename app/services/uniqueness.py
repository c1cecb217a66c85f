"""Unique keys: what becomes of a new task whose key an unfinished one of the same owner has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.domain.lifecycle import Reason, TaskStatus
from app.queries import tasks as task_queries
from app.queries import uniqueness as queries
from app.services.announcing import tell_all_after_commit

# Keys of one statement.
PAGE = 1000


class Mode(StrEnum):
    """The new one is refused, is not made because there is one, or takes the place of one that waits."""

    REJECT = "reject"
    EXISTING = "existing"
    REPLACE = "replace"


def stored(owner: uuid.UUID | None, key: str) -> str:
    """A key as the row has it: with whose it is, for a column that may be NULL is not unique."""
    return f"{owner or 'system'}:{key}"


def given(key: str | None) -> str | None:
    """The key as it was given."""
    return None if key is None else key.partition(":")[2]


async def make_room(db: AsyncSession, wanted: Mapping[str, Mode]) -> dict[str, uuid.UUID]:
    """Have no unfinished task keep these stored keys from new ones, as far as the modes allow.

    Returns the tasks that stand in for new ones, by key. Raises `Conflict` naming the task that has
    a key which is refused. What is free now need not be when the new tasks are inserted.
    """
    standing: dict[str, uuid.UUID] = {}
    for page in _pages(sorted(wanted)):
        for holder in (await db.execute(queries.holders(page))).all():
            mode = wanted[holder.unique_key]
            if mode is Mode.EXISTING:
                standing[holder.unique_key] = holder.id
            elif mode is Mode.REPLACE and holder.status == TaskStatus.PENDING:
                await _revoke(db, holder)
            else:
                raise taken(holder.id, holder.status)
    return standing


async def _revoke(db: AsyncSession, holder: Any) -> None:
    """Nothing happens to one that has begun meanwhile: it still has its key, and the insert finds out."""
    statement = task_queries.cancel_if_pending([holder.id], None, Reason.REPLACED)
    if (replaced := (await db.execute(statement)).one_or_none()) is not None:
        tell_all_after_commit(db, {holder.id: holder.queue}, agents=replaced.awaited)


def taken(task_id: uuid.UUID, status: str) -> Conflict:
    """The refusal that names who has the key."""
    return Conflict(
        f"Task {task_id} has this unique_key and is {status}; wait for its end or cancel it",
        code="unique_key_taken",
    )


def contended() -> Conflict:
    """The refusal of a key that somebody else has taken at the same moment."""
    return Conflict(
        "Another request has just taken this unique_key; send yours again",
        code="unique_key_taken",
    )


def _pages(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + PAGE] for start in range(0, len(keys), PAGE))
