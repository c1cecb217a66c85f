"""How much more a user may submit: a rate, and room for tasks that wait. Pure, without a clock.

Moments are seconds of one process's clock that never goes back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# More tasks than all processes together have ever taken in a second.
FILLED_PER_SECOND = 50_000
FRESH_SECONDS = 1.0
LONGEST_SECONDS = 30.0


@dataclass(slots=True)
class Bucket:
    """Tokens for a minute, which flow in steadily: whoever has been quiet may send as many at once.

    It may owe some. What is larger than it can ever hold is let in when it is full, and what it
    lacks then has to flow in before the next.
    """

    per_minute: int
    held: float
    at: float

    @classmethod
    def full(cls, per_minute: int, now: float) -> Bucket:
        """One that nobody has taken from."""
        return cls(per_minute, per_minute, now)

    def wait(self, number: int, now: float) -> float:
        """Seconds until so many may be taken; 0: now."""
        self._fill(now)
        lacking = min(number, self.per_minute) - self.held
        return max(0.0, lacking * 60 / self.per_minute)

    def take(self, number: int, now: float) -> None:
        """Take so many, whether it holds them or not."""
        self._fill(now)
        self.held -= number

    def _fill(self, now: float) -> None:
        flowed = (now - self.at) * self.per_minute / 60
        self.held = min(float(self.per_minute), self.held + flowed)
        self.at = now


@dataclass(slots=True)
class Room:
    """What one process knows of how many tasks of a user wait.

    `counted` at the moment `read_at`, which is None before the first look, and `added` by this
    process since. What others add meanwhile shows at the next look, and so does what has started.
    """

    counted: int = 0
    added: int = 0
    read_at: float | None = None

    @property
    def waiting(self) -> int:
        """As many as it knows of."""
        return self.counted + self.added

    def fits(self, number: int, most: int) -> bool:
        """Whether so many more are no more than there may be."""
        return self.waiting + number <= most

    def is_fresh(self, now: float) -> bool:
        """Whether it was counted so lately that counting anew is not worth it."""
        return self._age(now) < FRESH_SECONDS

    def is_due(self, most: int, now: float) -> bool:
        """Whether others may have filled it by now: the more room there is, the longer that takes."""
        left = (most - self.waiting) / FILLED_PER_SECOND
        return self._age(now) >= min(LONGEST_SECONDS, max(FRESH_SECONDS, left))

    def count(self, counted: int, added_before: int, began: float) -> None:
        """It was counted, by a look that began then, when so many had been added."""
        self.counted = counted
        self.added = max(0, self.added - added_before)
        self.read_at = began

    def _age(self, now: float) -> float:
        return math.inf if self.read_at is None else now - self.read_at
