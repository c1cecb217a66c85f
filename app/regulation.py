"""Which rows of a queue go out where limits, or several owners, have a say.

Limits: a row goes out only if every limit that covers it has a place, counted from the rows under the
locks of the queue and of the limits, so that nobody overshoots. A row without a place is *parked* in a
lane of its own kind (`app.queries.lanes`), once. What is behind it is then seen by this look, and it is
not looked at again until its lane has a place: a backlog costs a write a row, and no look at all.

Owners: while others wait too, who has something in the broker is parked as well, so that everybody who
has nothing there is seen; within a priority the places go round: next is who has the fewest out.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from app.db.prepared import Call
from app.domain.rank import Priority, level
from app.places import Covering, Places
from app.queries import lanes
from app.queries import limits as queries
from app.tour import Tour

# Rows of one look, and of one feed, and lanes of one feed; with more it goes on at once.
PAGE = 500
LOOK = 2000
LANES = 64
# The part of a window that is out, at least, while others are looked for: four for each slot is a window.
SHARE = 4
_BEGIN = (-(2**63), uuid.UUID(int=0))


@dataclass(frozen=True, slots=True)
class Row:
    """A row that waits."""

    id: uuid.UUID
    rank: int
    owner: uuid.UUID | None
    level: Priority
    covering: Covering


@dataclass(slots=True)
class Choice:
    """What may go out: ids by the priority under which they travel, those to go first in front.

    `waits`: some are kept back by a limit, and `seconds` until a rate lets one of them out.
    `more`: it has not seen everything. `goes_round`: nor every lane, of which it sees some at a time.
    """

    admitted: dict[int, list[uuid.UUID]] = field(default_factory=dict)
    waits: bool = False
    seconds: float | None = None
    more: bool = False
    goes_round: bool = False


class Regulation:
    """One feed of one queue, whose row is locked. `size` is its window."""

    def __init__(
        self, connection: Connection, queue: str, size: int, ageing_seconds: float, tour: Tour
    ) -> None:
        self._connection = connection
        self._tour = tour
        self._queue = queue
        self._size = size
        self._ageing = ageing_seconds
        self._named = {"queue_name": queue}
        self._places = Places(connection, queue)
        self._contended = False
        self._lanes_left = False
        self._out: Counter[uuid.UUID | None] = Counter()
        # With those that have been found for everybody's lane.
        self._near: Counter[uuid.UUID | None] = Counter()
        self._ahead = dict.fromkeys(Priority, 0)
        self._lanes: Sequence[Any] = ()
        # Whether those are all lanes that hold a row.
        self._sees_all = False
        self._chosen: dict[uuid.UUID, Row] = {}
        self._choice = Choice()

    def choose(self) -> Choice:
        """The rows that go out now, as far as nobody takes them away meanwhile."""
        self._count_outstanding()
        places = self._places.free(self._places.covering("", None), self._size)
        if places:
            found = self._of_everybody(places)
            # Only now: what has just been parked may be more urgent than what was behind it.
            self._lanes = self._connection.execute(*self._tour.look(self._named)).all()
            self._sees_all = self._tour.is_whole(self._lanes)
            self._admit([*found, *self._of_lanes()])
        self._wait(went_on=bool(places))
        return self._choice

    def _wait(self, *, went_on: bool) -> None:
        """Say what is left to see, and what waits for a limit in the parts seen so far."""
        waits, seconds = self._places.waits()
        if not went_on:
            self._choice.waits, self._choice.seconds = waits, seconds
            return
        now = self._places.now
        met = self._tour.keep(waits, None if seconds is None else now + round(seconds * 1e6))
        # Of this part there may be more to let out.
        stays = self._lanes_left and bool(self._chosen)
        self._choice.more |= stays
        self._choice.goes_round = stays or not self._tour.advance(self._lanes)
        self._choice.waits = met.waits or (self._places.limited and self._choice.goes_round)
        if met.free_at is not None:
            self._choice.seconds = max(0.0, (met.free_at - now) / 1e6)

    def close(self, marked: Iterable[uuid.UUID], row: Any) -> None:
        """Write down what went out, and what this queue's next feeds have to mind.

        `row` is the queue's, which is locked.
        """
        self._places.keep(self._chosen[each].covering for each in marked)
        minds = self._places.limited or bool(self._lanes) or not self._sees_all
        if (minds, self._choice.waits) != (row.regulated, row.blocked):
            values = {"minds": minds, "waits": self._choice.waits}
            self._connection.execute(queries.regulate(), {**self._named, **values})

    # -- what there is ----------------------------------------------------------------------

    def _count_outstanding(self) -> None:
        for at, owner, number in self._connection.execute(lanes.outstanding(), self._named):
            self._out[owner] += number
            for floor in Priority:
                if floor <= at:
                    self._ahead[floor] += number

    def _of_everybody(self, places: int) -> list[Row]:
        """The best rows of everybody's lane, as many as there is room; those in the way are parked."""
        found: list[Row] = []
        reserved: Counter[str] = Counter()
        self._near = Counter(self._out)
        place, looked = _BEGIN, 0
        while looked < LOOK:
            # At first no more than may go out: most feeds see nobody who is in the way.
            size = PAGE if looked else min(self._size, PAGE)
            page = self._page(lanes.EVERYBODY, place, size)
            if page and not looked:
                self._contended = self._connection.execute(*who_else(page[0].owner)).scalar_one()
            passed: list[Row] = []
            for row in page:
                if len(found) >= min(self._room(row), places):
                    self._park(passed)
                    return found
                passed_over = self._contended and self._near[row.owner] > 0
                if passed_over or not self._places.fits(row.covering, reserved):
                    passed.append(row)
                    continue
                found.append(row)
                self._near[row.owner] += 1
                reserved.update(row.covering.keys())
            self._park(passed)
            looked += len(page)
            if len(page) < size:
                return found
            place = page[-1].rank, page[-1].id
        self._choice.more = True
        return found

    def _of_lanes(self) -> Iterator[Row]:
        """The best rows of every lane that has a place."""
        opened = 0
        unseen = self._choice.more and self._contended
        # What those who have something out may get while somebody without may not have been seen.
        budget = max(0, self._size // SHARE - self._near.total())
        for head, owner, covering in self._lanes_in_order():
            free = self._places.free(covering, self._size)
            room = min(free, self._size - self._ahead[self._level(head.rank)])
            if unseen and self._near[owner]:
                room = min(room, budget)
            if room <= 0:
                continue
            if opened == LANES:
                self._lanes_left = True
                return
            opened += 1
            found = self._of_lane(head.lane, room)
            budget -= len(found)
            yield from found

    def _lanes_in_order(self) -> list[tuple[Any, uuid.UUID | None, Covering]]:
        """Heads, owners and limits of lanes: the most urgent first and, among equals, in turns."""
        named = [
            (head, *lanes.owner_of(head.lane)) for head in self._lanes if head.rank is not None
        ]
        named.sort(key=lambda each: (-self._level(each[0].rank), self._out[each[1]], each[0].rank))
        found = [
            (head, owner, self._places.covering(function, key))
            for head, owner, function, key in named
        ]
        self._places.load([covering for _, _, covering in found])
        return found

    def _of_lane(self, lane: str, room: int) -> list[Row]:
        """A lane that was named before a limit was made may hold rows that this one covers."""
        found: list[Row] = []
        passed: list[Row] = []
        reserved: Counter[str] = Counter()
        for row in self._page(lane, _BEGIN, room):
            if self._places.fits(row.covering, reserved):
                found.append(row)
                reserved.update(row.covering.keys())
            else:
                passed.append(row)
        self._park(passed)
        return found

    def _page(self, lane: str, place: tuple[int, uuid.UUID], room: int) -> list[Row]:
        rank, behind = place
        named = {**self._named, "lane": lane, "rank": rank, "id": behind, "room": room}
        found = [
            Row(
                row.id,
                row.rank,
                row.user_id,
                self._level(row.rank),
                self._places.covering(row.celery_task_name, row.limit_key),
            )
            for row in self._connection.execute(lanes.in_lane(), named)
        ]
        self._places.load([row.covering for row in found])
        return found

    def _level(self, rank: int) -> Priority:
        return level(rank, self._places.now, self._ageing)

    def _room(self, row: Row) -> int:
        return self._size - self._ahead[row.level]

    # -- what becomes of them ----------------------------------------------------------------

    def _park(self, rows: Sequence[Row]) -> None:
        kinds: dict[tuple[bool, bool], list[uuid.UUID]] = {}
        for row in rows:
            limited = {limit.kind for limit in row.covering.values()}
            kinds.setdefault(("task" in limited, "key" in limited), []).append(row.id)
        for (by_function, by_key), ids in kinds.items():
            statement = lanes.park(by_function=by_function, by_key=by_key)
            self._connection.execute(statement, {**self._named, "ids": ids})

    def _admit(self, rows: Sequence[Row]) -> None:
        """Let out what has room and a place, the most urgent first and, among equals, in turns."""
        for row in self._in_turns(rows):
            if self._ahead[row.level] >= self._size:
                return  # those behind are no more urgent
            if not self._places.fits(row.covering, Counter()):
                continue
            self._places.take(row.covering)
            for floor in Priority:
                if floor <= row.level:
                    self._ahead[floor] += 1
            self._chosen[row.id] = row
            self._choice.admitted.setdefault(row.level, []).append(row.id)

    def _in_turns(self, rows: Sequence[Row]) -> list[Row]:
        turns = Counter(self._out)
        placed = []
        for row in sorted(rows, key=lambda each: (each.rank, each.id)):
            placed.append((-row.level, turns[row.owner], row.rank, row.id, row))
            turns[row.owner] += 1
        return [entry[-1] for entry in sorted(placed, key=lambda entry: entry[:-1])]


def who_else(owner: uuid.UUID | None) -> Call:
    """What asks whether anybody but this owner has a task that is pending."""
    statement = lanes.others_wait(than_system=owner is None)
    return statement, {} if owner is None else {"owner": owner}
