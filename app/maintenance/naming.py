"""Marking which parts the names of tasks have, a segment of some thousand tasks at a time.

A segment is made without a lock that others wait for: it is begun, names are read, marks are written,
and last it is ended. Until then nobody reads it, and nobody begins another one.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.db import ids
from app.db.session import Database
from app.domain.grams import BLOCKS, marks_of
from app.maintenance.fold import hold_lock
from app.maintenance.report import Report
from app.queries import naming as queries

# Tasks of a block: what is looked at for one that may have what is searched for.
BLOCK = 260
SEGMENT = BLOCKS * BLOCK
# Tasks of one transaction that were made or renamed after their segment; each has a hundred parts.
LATE = 100
# Marks of one transaction.
MARKS = 5000
# An id from farther in the future is no one of ours, and all that come next would be late.
AHEAD_SECONDS = 60.0
# A segment takes a second to make.
GONE_SECONDS = 60.0
NOWHERE = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class NamingReport(Report):
    """`marked` names; `left` is 1 when there may be more."""

    marked: int = 0
    left: int = 0

    @property
    def worth_telling(self) -> bool:
        """That it does its work is everyday."""
        return bool(self.left)


def run_once(database: Database, limit: int) -> NamingReport:
    """Mark about `limit` names: those that came late to their segment, and whole segments."""
    marked = _mark_late(database, limit)
    more = marked >= limit
    while marked < limit:
        made = _make_segment(database, SEGMENT)
        if not made:
            break
        marked += made
        more = marked >= limit
    return NamingReport(marked, int(more))


def _mark_late(database: Database, limit: int) -> int:
    # Outside a transaction: on SQLite that would be a lock for nothing.
    if not database.run((queries.any_note(), {}))[0].all():
        return 0
    marked, more = 0, True
    while marked < limit and more:
        with database.transaction() as connection:
            last_id, _ = _reached(connection)
            late = connection.scalars(queries.take_notes(last_id, LATE)).all()
            _add(connection, connection.execute(queries.names_of(late)).all())
        marked += len(late)
        more = len(late) == LATE
    return marked


def _reached(connection: Connection) -> tuple[uuid.UUID, bool]:
    """The last id that is marked, and whether a segment is being made of what stands behind it.

    Nobody else marks until the transaction ends. Notes of what stands behind it are of no use: those
    tasks can be seen by now, and will be read. But whoever is making a segment has read names before,
    and counts on the notes.
    """
    hold_lock(connection)
    connection.execute(queries.drop_unfinished(GONE_SECONDS))
    last_id = connection.scalar(queries.reached()) or NOWHERE
    is_made = connection.scalar(queries.unfinished()) is not None
    if not is_made:
        connection.execute(queries.drop_notes_behind(last_id))
    return last_id, is_made


def _add(connection: Connection, rows: Sequence[Any]) -> None:
    """Mark the names of tasks in the blocks in which their ids fall."""
    if not rows:
        return
    segments = connection.execute(queries.segments()).all()
    last_ids = [segment.last_id for segment in segments]
    of: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        of[segments[bisect_left(last_ids, row.id)].id].append(row)
    ends = {row.id: row.ends for row in connection.execute(queries.ends_of(list(of))).all()}
    for segment, late in sorted(of.items()):
        for marks in _rows(segment, marks_of(_in_blocks(late, ends[segment]))):
            connection.execute(queries.mark(), marks)


def _in_blocks(tasks: Iterable[Any], ends: Sequence[str]) -> list[list[str]]:
    """The names of each block."""
    blocks: list[list[str]] = [[] for _ in ends]
    for task in tasks:
        blocks[bisect_left(ends, task.id.hex)].append(task.name)
    return blocks


def _make_segment(database: Database, least: int) -> int:
    """Make one of the next tasks, if there are at least so many; returns of how many."""
    horizon = ids.before(-AHEAD_SECONDS)
    last_id = (database.execute(queries.reached()).column() or [NOWHERE])[0]
    if not database.execute(queries.is_there(last_id, horizon, least)).all():
        return 0
    with database.transaction() as connection:
        last_id, is_made = _reached(connection)
        if is_made:
            return 0
        segment = connection.scalars(queries.begin_segment()).one()
    tasks = database.execute(queries.names(last_id, horizon, SEGMENT)).all()
    if not tasks:
        database.execute(queries.drop_segment(segment))
        return 0
    size = -(-len(tasks) // BLOCKS)
    blocks = [tasks[at : at + size] for at in range(0, len(tasks), size)]
    try:
        for marks in _rows(segment, marks_of([row.name for row in block] for block in blocks)):
            # One transaction: by itself, each row would be one on SQLite.
            with database.transaction() as connection:
                connection.execute(queries.mark(), marks)
    except IntegrityError:
        # It was dropped: all are made anew, or this took far too long.
        return 0
    ends = [block[-1].id for block in blocks]
    ended = queries.end_segment_if_begun(segment, ends[-1], [each.hex for each in ends])
    return len(tasks) if database.execute(ended).all() else 0


def _rows(segment: int, marks: Mapping[int, int]) -> Iterator[list[dict[str, int]]]:
    """As the statement takes them, some thousand at a time."""
    rows = [
        {"segment_id": segment, "number": number, "blocks": blocks}
        for number, blocks in marks.items()
    ]
    for at in range(0, len(rows), MARKS):
        yield rows[at : at + MARKS]


def forget(database: Database) -> None:
    """Remove segments whose tasks are all gone. The last one says how far names are marked."""
    for segment in segments(database)[:-1]:
        there = queries.is_there(segment.start, segment.last_id, 1)
        if database.execute(there).all():
            continue
        with database.transaction() as connection:
            # Again: one that came late meanwhile is marked in it.
            hold_lock(connection)
            if not connection.execute(there).all():
                connection.execute(queries.drop_segment(segment.id))


def segments(database: Database) -> Sequence[Any]:
    """`id, start, last_id` of all segments."""
    return database.execute(queries.segments()).all()


def is_wrong(database: Database, segment: Any) -> bool:
    """Whether a search would miss a task by this segment, or look at too many. Reads its names."""
    most = 2 * SEGMENT
    # First the names: what is marked meanwhile does no harm.
    tasks = database.execute(queries.names_not_noted(segment.start, segment.last_id, most)).all()
    if len(tasks) == most:
        # Imported: all of them would be looked at.
        return True
    found = database.execute(queries.ends_of([segment.id])).all()
    stored = dict(map(tuple, database.execute(queries.marks(segment.id)).all()))
    return any(
        places & ~stored.get(number, 0)
        for row in found
        for number, places in marks_of(_in_blocks(tasks, row.ends)).items()
    )


def mend(database: Database) -> int:
    """Mark all names that are not, and all anew where a search would miss one.

    Returns how many segments were wrong. The system may run on; meanwhile a search reads all names.
    """
    number = sum(is_wrong(database, segment) for segment in segments(database))
    if number:
        with database.transaction() as connection:
            hold_lock(connection)
            connection.execute(queries.drop_segments())
    while _make_segment(database, 1):
        pass
    return number
