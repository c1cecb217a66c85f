"""Statements about how many tasks there are.

What is counted is `task_counts` and the changes in `task_deltas` that have not been added to it.
The fold moves them from one into the other in one transaction, so a single statement sees both or
neither, and its answer is exact. Which of the active tasks run is asked of the rows: they are few.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import Insert

from app.db.upsert import insert as upsert
from app.domain.lifecycle import ACTIVE, Event
from app.domain.tally import ACTIVE_TASKS
from app.models import EVERYBODY, Task, TaskCount, TaskDelta
from app.queries.guards import legal, status_in
from app.queries.types import Rows

_delta = TaskDelta.c
_everybody: ColumnElement[Any] = literal(EVERYBODY, Uuid())
# Everything once under its owner, if it has one, and once under everybody.
_OWNERS_OF_DELTAS = ((_everybody, true()), (_delta.user_id, _delta.user_id.is_not(None)))
_OWNERS_OF_TASKS = ((_everybody, true()), (Task.user_id, Task.user_id.is_not(None)))


def count_maintained(owner: uuid.UUID | None) -> tuple[Rows, dict[str, uuid.UUID]]:
    """What `domain.tally.by_status` makes counts of, for the tasks of an owner or for all.

    The statement and its parameters. Rows `what, was, now, number`; costs the same however many
    tasks there are.
    """
    return _count_maintained(of_one=owner is not None), {"owner": owner or EVERYBODY}


@cache
def _count_maintained(*, of_one: bool) -> Rows:
    owner = bindparam("owner", type_=Uuid())
    mine: ColumnElement[bool] = true()
    theirs: ColumnElement[bool] = true()
    if of_one:
        # An expression, or SQLite would look at all of the owner's rows instead of at what runs.
        theirs = func.coalesce(Task.user_id, EVERYBODY) == owner
        mine = _delta.user_id == owner
    nothing = cast(null(), Text())
    folded = select(
        literal("folded").label("what"),
        nothing.label("was"),
        TaskCount.status.label("now"),
        TaskCount.number.label("number"),
    )
    unfolded = select(literal("unfolded"), _delta.was, _delta.now, _total(_delta.number))
    running = select(literal("running"), nothing, nothing, func.count()).select_from(Task)
    return union_all(  # type: ignore[return-value]
        folded.where(TaskCount.owner == owner),
        unfolded.where(mine).group_by(_delta.was, _delta.now),
        # By worker, for the sake of SQLite: that is the order of the index of what runs. It may not
        # know how few those are, and would go through all that wait.
        running.where(legal(Event.REPORT), theirs).group_by(Task.worker),
    )


def differences(limit: int) -> Rows:
    """`owner, status, number`: how many tasks too many (or too few) are counted, where any.

    One statement, so in one snapshot. Reads the table of tasks.
    """
    folded = select(TaskCount.owner, TaskCount.status, TaskCount.number)
    return _together([folded, *_unfolded_by_owner(), *_rows_by_owner()]).limit(limit)


def _together(parts: Sequence[Select[Any, Any, Any]]) -> Rows:
    owner, status, number = union_all(*parts).subquery("parts").c
    return (
        select(type_coerce(owner, Uuid()).label("owner"), status.label("status"), _total(number))
        .group_by(owner, status)
        .having(func.sum(number) != 0)
    )


def _unfolded(among: ColumnElement[bool], *columns: Any) -> list[Any]:
    """What the unfolded deltas add, and what they take away."""
    return [
        select(*columns, counted_as(status), number).where(status.is_not(None), among)
        for status, number in ((_delta.now, _delta.number), (_delta.was, -_delta.number))
    ]


def _unfolded_by_owner() -> list[Any]:
    return [part for owner, among in _OWNERS_OF_DELTAS for part in _unfolded(among, owner)]


def _rows_by_owner() -> list[Any]:
    """The rows, to be taken off: nothing is left where they are counted rightly."""
    status = counted_as(Task.status)
    return [
        select(owner, status, -func.count()).where(among).group_by(owner, status)
        for owner, among in _OWNERS_OF_TASKS
    ]


def counted_as(status: Any) -> ColumnElement[str]:
    """`domain.tally.counted_as` as SQL."""
    return case((status_in(status, ACTIVE), ACTIVE_TASKS), else_=status)


def _total(number: Any) -> ColumnElement[int]:
    # A sum of bigint is numeric on PostgreSQL.
    return cast(func.sum(number), BigInteger).label("number")


@cache
def lock() -> Rows:
    """Held by whoever moves deltas into counts and buckets, until the transaction ends.

    A fold reads, adds and writes; two at once would overwrite each other's sums.
    """
    return (
        select(TaskCount.number)
        .where(TaskCount.owner == EVERYBODY, TaskCount.status == ACTIVE_TASKS)
        .with_for_update()
    )


@cache
def ensure_lock() -> Insert:
    """Make the row that `lock` locks."""
    row = {"owner": EVERYBODY, "status": ACTIVE_TASKS, "number": 0}
    return upsert(TaskCount).values(row).on_conflict_do_nothing()


@cache
def any_delta() -> Rows:
    """A row if there is anything to fold."""
    return select(literal(1).label("there")).select_from(TaskDelta).limit(1)


def unfolded() -> Rows:
    """How many rows the fold has before it."""
    return select(func.count()).select_from(TaskDelta)


def add_to_count() -> Insert:
    """Add to a count. Parameters: `owner`, `status`, `number`."""
    statement = upsert(TaskCount)
    added = TaskCount.number + statement.excluded.number
    return statement.on_conflict_do_update(
        index_elements=["owner", "status"], set_={"number": added}
    )
