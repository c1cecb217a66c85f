"""Statements about which parts the names of tasks have, block by block.

A search must miss no task. So the notes are read first, then the segments up to the one that was the
last by then; and whoever makes a segment takes the notes first, then reads the names. A task whose note
is read no more is in a name that was.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from functools import cache
from itertools import cycle
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Delete,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    bindparam,
    delete,
    desc,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)

from app.db.clock import after, now, place
from app.db.lists import one_of
from app.db.upsert import Insert
from app.db.upsert import insert as upsert
from app.domain.grams import MOST_ASKED
from app.models import NameMark, NameNote, NameSegment, Task
from app.queries.types import DeletedRows, InsertedRows, Rows, UpdatedRows

_NOWHERE = literal(uuid.UUID(int=0), Uuid())
_note = NameNote.c
_made = NameSegment.last_id.is_not(None)
# As lists compare names without regard to case: in the database's way.
_name = func.lower(Task.name).label("name")


@cache
def reached() -> Select[uuid.UUID]:
    """The last id of the last segment; no row while there is none."""
    return select(NameSegment.last_id).where(_made).order_by(NameSegment.id.desc()).limit(1)  # type: ignore[return-value]


# Searching


def asked(text: str, most_late: int) -> Rows:
    """`text` as names are compared, `last_id`, and `late`: one row for each task noted up to there.

    One row, with NULL, where there is none of what may be missing.
    """
    one = select(literal(1)).subquery("one")
    last = reached().subquery("last")
    return (
        select(
            func.lower(literal(text, Text())).label("text"),
            last.c.last_id,
            _note.task_id.label("late"),
        )
        .select_from(one)
        .join(last, true(), isouter=True)
        .join(NameNote, _note.task_id <= last.c.last_id, isouter=True)
        .limit(most_late)
    )


@cache
def marked() -> CompoundSelect[Any, Any, Any]:
    """`id, start, last_id, blocks` for each of the segments up to `:last_id` with blocks that have all
    the numbers of `bind_numbers`, in their order; then the one that ends there, if it does, with
    no block.
    """
    found = _segments()
    places: ColumnElement[int] = literal(-1, BigInteger())
    for number in range(MOST_ASKED):
        is_it = NameMark.number == bindparam(f"number_{number}", type_=Integer())
        mark = select(NameMark.blocks).where(NameMark.segment_id == found.c.id, is_it)
        places = places.bitwise_and(mark.scalar_subquery())
    last_id = bindparam("last_id", type_=Uuid())
    # Worked out once for each, and not again for the condition.
    all_of = select(found, places.label("blocks")).where(found.c.last_id <= last_id)
    each = all_of.cte("having").prefix_with("MATERIALIZED")
    last = select(found, literal(0, BigInteger())).where(found.c.last_id == last_id)
    return union_all(select(each).where(each.c.blocks != 0), last).order_by("id", desc("blocks"))


def bind_numbers(numbers: Collection[int]) -> dict[str, int]:
    """Parameters of `marked` for at least one number and at most `MOST_ASKED`."""
    return {f"number_{at}": each for at, each in zip(range(MOST_ASKED), cycle(numbers))}


def ends_of(segments: Sequence[int]) -> Rows:
    """`id, ends` of segments."""
    return select(NameSegment.id, NameSegment.ends).where(NameSegment.id.in_(segments))


# Marking


def segments() -> Rows:
    """`id, start, last_id` of all segments: each is about the tasks behind `start`, up to `last_id`."""
    found = _segments()
    return select(found).order_by(found.c.id)


def _segments() -> Subquery:
    before = func.lag(NameSegment.last_id).over(order_by=NameSegment.id)
    start: ColumnElement[Any] = func.coalesce(before, _NOWHERE, type_=Uuid()).label("start")
    return select(NameSegment.id, start, NameSegment.last_id).where(_made).subquery("segments")


@cache
def any_note() -> Rows:
    """A row if there is any note."""
    return select(literal(1).label("there")).select_from(NameNote).limit(1)


def drop_notes_behind(last_id: uuid.UUID) -> Delete:
    """Forget notes of tasks that no segment is about: when one is begun, their names are read."""
    return delete(NameNote).where(_note.task_id > last_id)


def take_notes(last_id: uuid.UUID, limit: int) -> DeletedRows:
    """Remove notes of tasks that some segment is about, and return their ids."""
    late = select(place()).select_from(NameNote).where(_note.task_id <= last_id).limit(limit)
    return delete(NameNote).where(place().in_(late)).returning(_note.task_id)


def begin_segment() -> InsertedRows:
    """A segment that nobody reads yet; returns its id."""
    row = {"begun_at": now(), "last_id": None, "ends": None}
    return insert(NameSegment).values(row).returning(NameSegment.id)


def unfinished() -> Select[int]:
    """The segment that is being made, if one is."""
    return select(NameSegment.id).where(NameSegment.last_id.is_(None))


def end_segment_if_begun(segment_id: int, last_id: uuid.UUID, ends: Sequence[str]) -> UpdatedRows:
    """From now on it is read. No row if it was dropped meanwhile."""
    return (
        update(NameSegment)
        .where(NameSegment.id == segment_id, NameSegment.last_id.is_(None))
        .values(last_id=last_id, ends=ends)
        .returning(NameSegment.id)
    )


def drop_unfinished(seconds: float) -> Delete:
    """Remove a segment that was begun so long ago: whoever made it is gone."""
    old = NameSegment.begun_at < after(-seconds)
    return delete(NameSegment).where(NameSegment.last_id.is_(None), old)


def drop_segment(segment_id: int) -> Delete:
    """Remove a segment. The one behind it is about its tasks then."""
    return delete(NameSegment).where(NameSegment.id == segment_id)


def drop_segments() -> Delete:
    """Remove all."""
    return delete(NameSegment)


def mark() -> Insert:
    """Add blocks to a mark. Parameters: `segment_id`, `number`, `blocks`."""
    statement = upsert(NameMark)
    both = NameMark.blocks.bitwise_or(statement.excluded.blocks)
    return statement.on_conflict_do_update(
        index_elements=["segment_id", "number"], set_={"blocks": both}
    )


def marks(segment_id: int) -> Rows:
    """`number, blocks` of a segment."""
    return select(NameMark.number, NameMark.blocks).where(NameMark.segment_id == segment_id)


# Names, as they are compared


def names_of(ids: Sequence[uuid.UUID]) -> Rows:
    """`id, name` of these tasks, as far as they exist."""
    return select(Task.id, _name).where(one_of(Task.id, ids))


def names(start: uuid.UUID, end: uuid.UUID, limit: int) -> Rows:
    """`id, name` of the tasks behind `start`, up to `end`, in the order of ids."""
    return (
        select(Task.id, _name).where(Task.id > start, Task.id <= end).order_by(Task.id).limit(limit)
    )


def names_not_noted(start: uuid.UUID, end: uuid.UUID, limit: int) -> Rows:
    """The same, without those that a search finds by their notes."""
    return names(start, end, limit).where(Task.id.not_in(select(_note.task_id)))


def is_there(start: uuid.UUID, end: uuid.UUID, number: int) -> Rows:
    """A row if there are so many tasks behind `start`, up to `end`."""
    return names(start, end, 1).with_only_columns(Task.id).offset(number - 1)
