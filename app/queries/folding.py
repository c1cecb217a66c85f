"""Statements that take changes out of `task_deltas` and add them up.

The adding is done where the rows are: what comes out is a few sums, whatever went in.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Delete,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from app.db.base import Timestamp
from app.db.clock import hour_of, micros, place
from app.domain.histogram import MICROS_OF_STEP, MOST_DOUBLINGS, STEPS
from app.domain.lifecycle import FINISHED
from app.models import TaskDelta
from app.queries.counting import counted_as
from app.queries.guards import status_in
from app.queries.types import Rows

_delta = TaskDelta.c
_TAKEN = (
    _delta.user_id,
    _delta.task_type,
    _delta.celery_task_name,
    _delta.queue,
    _delta.was,
    _delta.now,
    _delta.number,
    hour_of(_delta.created_at).label("created_at"),
    hour_of(_delta.started_at).label("started_at"),
    hour_of(_delta.completed_at).label("completed_at"),
    # Once each: below they are looked at many times.
    (micros(_delta.started_at - _delta.ready_at) // MICROS_OF_STEP).label("waited"),
    (micros(_delta.completed_at - _delta.started_at) // MICROS_OF_STEP).label("ran"),
)
# Columns of a sum, `domain.tally.Sum`. One that does not apply is NULL.
_SUM: dict[str, Any] = {
    "what": Text(),
    "user_id": Uuid(),
    "task_type": Text(),
    "celery_task_name": Text(),
    "queue": Text(),
    "status": Text(),
    "at": Timestamp(),
    "bucket": Integer(),
    "number": BigInteger(),
}


@cache
def take() -> Rows:
    """Remove deltas and return their sums, at most `limit` of them: PostgreSQL's way.

    Those that a transaction has not committed are not seen and come next time. Appending never
    waits for it.
    """
    chosen = select(place()).select_from(TaskDelta).limit(bindparam("limit", type_=Integer()))
    return _sums(delete(TaskDelta).where(place().in_(chosen)).returning(*_TAKEN).cte("taken"))


def last_place(limit: int) -> Select[Any]:
    """SQLite's way, where nobody else writes meanwhile: the place of the `limit`th delta,"""
    first = select(place().label("place")).select_from(TaskDelta).order_by(place()).limit(limit)
    return select(func.max(first.subquery("first").c.place))


@cache
def sums_up_to() -> Rows:
    """the sums of those up to there (`last`),"""
    last = bindparam("last", type_=Integer())
    return _sums(select(*_TAKEN).where(place() <= last).cte("taken"))


def remove_up_to(last: int) -> Delete:
    """and their removal."""
    return delete(TaskDelta).where(place() <= last)


def _sums(taken: CTE) -> Rows:
    """What was taken, how it changes the counts, and what was created, started and finished."""
    row = taken.c
    owner = {"user_id": row.user_id}
    kind = {**owner, **{name: row[name] for name in ("task_type", "celery_task_name", "queue")}}
    fresh, changed = row.was.is_(None), row.now.is_not(None)
    finished = and_(status_in(row.now, FINISHED), or_(fresh, ~status_in(row.was, FINISHED)))
    started = {**kind, "at": row.started_at, "bucket": bucket_of(row.waited)}
    ended = {**kind, "at": row.completed_at, "bucket": bucket_of(row.ran), "status": row.now}
    parts = union_all(
        _part("taken", literal(1), {}).select_from(taken),
        _part("counted", row.number, {**owner, "status": counted_as(row.now)}, changed),
        _part("counted", -row.number, {**owner, "status": counted_as(row.was)}, ~fresh),
        _part("created", row.number, {**kind, "at": row.created_at}, fresh),
        _part("started", row.number, started, changed, row.started_at.is_not(None)),
        _part("finished", row.number, ended, finished, row.completed_at.is_not(None)),
    ).subquery("parts")
    *names, number = parts.c
    total = cast(func.sum(number), BigInteger).label("number")
    return select(*names, total).group_by(*names)


def _part(
    what: str, number: Any, columns: dict[str, Any], *where: ColumnElement[bool]
) -> Select[Any]:
    given = {"what": literal(what, Text()), "number": number, **columns}
    return select(
        *(given.get(name, cast(null(), type_)).label(name) for name, type_ in _SUM.items())
    ).where(*where)


def bucket_of(eighths: Any) -> ColumnElement[int]:
    """`domain.histogram.bucket_of` as SQL, of a duration in steps of the finest doubling.

    Found by halving: neither database has an integer logarithm.
    """
    last = STEPS * (MOST_DOUBLINGS + 1)
    return case(
        (eighths.is_(None), null()),
        (eighths < STEPS, 0),
        (eighths >= (2 * STEPS) << MOST_DOUBLINGS, last),
        else_=_bucket_between(eighths, 0, MOST_DOUBLINGS),
    )


def _bucket_between(eighths: Any, low: int, high: int) -> ColumnElement[int]:
    if low == high:
        first: ColumnElement[int] = literal_column(str(1 + low * STEPS - STEPS), Integer())
        shifted: ColumnElement[int] = eighths.op(">>")(literal_column(str(low)))
        return first + shifted
    middle = (low + high) // 2
    beyond: ColumnElement[int] = literal_column(str((2 * STEPS) << middle), BigInteger())
    upper = _bucket_between(eighths, middle + 1, high)
    return case((eighths < beyond, _bucket_between(eighths, low, middle)), else_=upper)
