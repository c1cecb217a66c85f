"""Statements that take changes of subtasks out of `subtask_deltas` and show them in their parents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    Float,
    Select,
    Update,
    Uuid,
    bindparam,
    delete,
    func,
    literal,
    select,
    update,
)

from app.db.base import JsonText
from app.db.lists import one_of
from app.models import SubtaskDelta, Task
from app.queries.types import DeletedRows, Rows


@cache
def any_change() -> Rows:
    """A row if there is anything to show."""
    return select(literal(1)).select_from(SubtaskDelta).limit(1)


@cache
def parents(limit: int) -> Select[uuid.UUID, int]:
    """The parents that the oldest `limit` changes are about, each with its last one's number."""
    oldest = (
        select(SubtaskDelta.id, SubtaskDelta.parent_id)
        .order_by(SubtaskDelta.id)
        .limit(limit)
        .subquery()
    )
    last = func.max(oldest.c.id).label("last")
    return select(oldest.c.parent_id, last).group_by(oldest.c.parent_id)


def lock(ids: Sequence[uuid.UUID]) -> Rows:
    """These parents, locked; those that somebody else has locked are left out.

    Several are held at once here, in no order that others know, so none may be waited for.
    """
    return (
        select(Task.id, Task.status, Task.attempt, Task.progress, Task.subtasks)
        .where(one_of(Task.id, ids))
        .order_by(Task.id)
        .with_for_update(skip_locked=True, key_share=True)
    )


def there(ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Those of them that exist."""
    return select(Task.id).where(one_of(Task.id, ids))


def take(ids: Sequence[uuid.UUID], last: int) -> DeletedRows:
    """Remove the changes up to that number that are about these parents, and return them."""
    return (
        delete(SubtaskDelta)
        .where(SubtaskDelta.id <= last, one_of(SubtaskDelta.parent_id, ids))
        .returning(
            SubtaskDelta.parent_id,
            SubtaskDelta.was,
            SubtaskDelta.now,
            SubtaskDelta.number,
            SubtaskDelta.done,
        )
    )


@cache
def show() -> Update:
    """What a locked parent shows. Parameters: `parent`, `shown` (`domain.subtasks`), `percent`.

    Also of one that has finished: it is not the task that changes, but the picture of what came
    of it, so only the version tells.
    """
    return (
        update(Task)
        .where(Task.id == bindparam("parent", type_=Uuid()))
        .values(
            subtasks=bindparam("shown", type_=JsonText()),
            progress=bindparam("percent", type_=Float()),
            version=Task.version + 1,
        )
    )
