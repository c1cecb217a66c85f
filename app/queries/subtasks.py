"""Statements that take changes of subtasks out of `subtask_deltas` and show them in their parents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Insert,
    Integer,
    Select,
    Text,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.orm import aliased

from app.db.base import JsonText
from app.db.lists import one_of
from app.domain.lifecycle import ACTIVE
from app.domain.subtasks import ALL_DONE, HUNDREDTHS
from app.models import SubtaskDelta, Task
from app.queries.guards import status_in
from app.queries.types import DeletedRows, Rows


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


# -- comparing --------------------------------------------------------------------------------


def accounts(start: uuid.UUID, end: uuid.UUID | None) -> Rows:
    """What there is, less what has not been taken, and what is shown, of the parents of a page.

    Rows `parent_id, number, done` of a `status`, or of all (None), or `shown` of the parent. In one
    statement, so of one moment. Looks at every subtask of parents behind `start`, up to `end`.
    """
    child, delta = aliased(Task, name="child"), SubtaskDelta
    rows = (
        select(*_account(child.parent_id, child.status, func.count(), func.sum(_done(child))))
        .join(Task, Task.id == child.parent_id)
        .where(_within(child.parent_id, start, end))
        .group_by(child.parent_id, child.status)
    )
    untaken = [
        select(*_account(delta.parent_id, status, number, done))
        .join(Task, Task.id == delta.parent_id)
        .where(_within(delta.parent_id, start, end))
        .group_by(delta.parent_id, status)
        for status, number, done in (
            (delta.now, -func.sum(delta.number), -func.sum(delta.done)),
            (delta.was, func.sum(delta.number), literal(0)),
        )
    ]
    shown = select(
        *_account(Task.id, cast(null(), Text()), literal(0), literal(0)),
        type_coerce(Task.subtasks, Text()),
    ).where(Task.subtasks.is_not(None), _within(Task.id, start, end))
    nothing = cast(null(), Text()).label("shown")
    found: Any = union_all(*(each.add_columns(nothing) for each in (rows, *untaken)), shown)
    parent_id, status, number, done, text = found.subquery().c
    return select(
        type_coerce(parent_id, Uuid()).label("parent_id"),
        status.label("status"),
        number.label("number"),
        done.label("done"),
        type_coerce(text, JsonText()).label("shown"),
    )


def correct() -> Insert:
    """Write down what parents do not show, as if it happened now: rows of `SubtaskDelta`."""
    return insert(SubtaskDelta)


def _account(parent: Any, status: Any, number: Any, done: Any) -> list[Any]:
    # A sum of bigint is numeric on PostgreSQL.
    return [parent, status, cast(number, BigInteger), cast(done, BigInteger)]


def _done(row: type[Task]) -> ColumnElement[int]:
    """How far a subtask is, as the triggers see it."""
    so_far = cast(func.round(row.progress * HUNDREDTHS), Integer)
    return case((status_in(row.status, ACTIVE), so_far), else_=ALL_DONE)


def _within(parent: Any, start: uuid.UUID, end: uuid.UUID | None) -> ColumnElement[bool]:
    return parent > start if end is None else and_(parent > start, parent <= end)
