"""Where tasks can be whose names contain a text, so that a rare one is found without reading all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.grams import numbers_in
from app.domain.spans import Span, merged
from app.queries import naming as queries

# Tasks made or renamed after their segment and not marked yet; more are seldom, and not for long.
MOST_LATE = 100
_LAST = (1 << 128) - 1


async def spans(db: AsyncSession, text: str, most: int) -> list[Span] | None:
    """Spans of ids, in order, outside of which no task has `text` in its name; at most `most` blocks.

    None: there would be more, or nothing is known.
    """
    rows = (await db.execute(queries.asked(text, MOST_LATE + 1))).all()
    last_id = rows[0].last_id
    if last_id is None or len(rows) > MOST_LATE:
        return None
    asked = {**queries.bind_numbers(numbers_in(rows[0].text)), "last_id": last_id}
    marked = (await db.execute(queries.marked(), asked)).all()
    if not marked or marked[-1].blocks:
        # All are made anew at this moment.
        return None
    of = {row.id: row for row in marked if row.blocks}
    if sum(row.blocks.bit_count() for row in of.values()) > most:
        return None
    ends = (await db.execute(queries.ends_of(list(of)))).all() if of else ()
    if len(ends) < len(of):
        return None
    late = [(row.late.int - 1, row.late.int) for row in rows if row.late is not None]
    found = [
        span for row in ends for span in _spans_of(row.ends, of[row.id].start, of[row.id].blocks)
    ]
    return merged([*found, *late, (last_id.int, _LAST)])


def _spans_of(ends: Sequence[str], start: uuid.UUID, places: int) -> Iterator[Span]:
    bounds = [start.int, *(int(end, 16) for end in ends)]
    for place, span in enumerate(pairwise(bounds)):
        if places >> place & 1:
            yield span
