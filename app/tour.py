"""Going round the lanes of a queue, of which one feed looks at some and no more.

One that went through all of them would hold its locks the longer, the more keys and owners wait. So a
round takes them in parts, a feed for each, at once one after the other. What few lanes there mostly are
is one part. Where there are more, a round begins at one of them by chance, or those that are seen last
would never get the places that are free when it begins.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.db.prepared import Call
from app.queries import lanes

# Of one look: each costs two steps through the index.
PART = 500


@dataclass(slots=True)
class Met:
    """What a round has met of tasks that a limit keeps back: whether there are any, and when a rate
    lets the first of them out (microseconds).
    """

    waits: bool = False
    free_at: int | None = None


class Tour:
    """Where the feeds of one process are among the lanes of one queue."""

    def __init__(self) -> None:
        self._begin_at(lanes.EVERYBODY)

    def _begin_at(self, lane: str) -> None:
        self._began_behind = self._behind = lane
        # Past the last lane it goes on with the first, as far as where it began.
        self._until: str | None = None
        self._seen = 0
        self._next_begin = lanes.EVERYBODY
        self._met = Met()

    def look(self, named: Mapping[str, str]) -> Call:
        """What reads the next part, in order."""
        bound = {**named, "behind": self._behind, "most": PART}
        if self._until is None:
            return lanes.heads(), bound
        return lanes.heads(until=True), {**bound, "until": self._until}

    def is_whole(self, part: Sequence[Any]) -> bool:
        """Whether this part is all that there is."""
        first = self._until is None and self._behind == lanes.EVERYBODY
        return first and len(part) < PART

    def keep(self, waits: bool, free_at: int | None) -> Met:
        """Add what a part has met; all that the round has."""
        self._met.waits |= waits
        if free_at is not None:
            self._met.free_at = min(free_at, self._met.free_at or free_at)
        return self._met

    def advance(self, part: Sequence[Any]) -> bool:
        """Go on behind this part. Returns whether the round is over; then the next one begins."""
        self._seen += len(part)
        # In the end each lane that was seen is as likely as any other.
        if part and random.random() * self._seen < len(part):
            self._next_begin = random.choice(part).lane
        if len(part) == PART:
            self._behind = part[-1].lane
            return False
        if self._until is None and self._began_behind != lanes.EVERYBODY:
            self._behind, self._until = lanes.EVERYBODY, self._began_behind
            return False
        self._begin_at(self._next_begin if self._seen > PART else lanes.EVERYBODY)
        return True
