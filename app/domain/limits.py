"""Limits: which ones cover a task, how many more they let out now, and when the next. Pure.

A limit counts what is handed out or running (`concurrency`) and what was handed out lately (`rate`).
Each has a *bucket* to count in: its own, or, where it is for many keys, one for each key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_RATE = 100_000
MAX_CONCURRENCY = 100_000
EVERY = "*"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
# A rate's period is looked at in so many parts. What is handed out counts from the end of its part, so
# a place is free up to a twentieth of the period late, and never early.
PARTS = 20

_FORM = f"must be such as 10/s, 100/m or 5/h, with at most {MAX_RATE:,}"
_RATE = re.compile(r"([1-9]\d{0,5})/([smh])", re.ASCII)
Slots = list[list[int]]


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` within any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        unit = next((name for name, length in UNITS.items() if length == self.seconds), None)
        return f"{self.count}/{unit}" if unit else f"{self.count}/{self.seconds:g}s"


def parse_rate(text: str) -> Rate:
    """`10/s`, `100/m` or `5/h`. Raises `ValueError` for anything else."""
    found = _RATE.fullmatch(text)
    if found is None or int(found[1]) > MAX_RATE:
        raise ValueError(_FORM)
    return Rate(int(found[1]), UNITS[found[2]])


def celery_rate(value: str | float | None) -> Rate | None:
    """What Celery's `rate_limit` says: a number is so many a second, and may be less than one.

    None for none. Raises `ValueError` for what Celery would not understand.
    """
    number, _, unit = str(value or 0).partition("/")
    seconds = UNITS.get(unit or "s")
    try:
        count = float(number)
    except ValueError:
        raise ValueError(_FORM) from None
    if seconds is None or not 0 <= count <= MAX_RATE:
        raise ValueError(_FORM)
    if count == 0:
        return None
    return Rate(int(count), seconds) if count >= 1 else Rate(1, seconds / count)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it stands in its row. `kind` is `queue`, `task` or `key`."""

    kind: str
    name: str
    concurrency: int | None = None
    rate: Rate | None = None

    @property
    def is_for_many(self) -> bool:
        """Whether each key that begins so has this limit by itself."""
        return self.kind == "key" and self.name.endswith(EVERY)

    def bucket(self, name: str) -> str:
        """What it counts a task under whose queue, function or key is `name`."""
        return f"{self.kind}:{name}"


@dataclass(frozen=True, slots=True)
class Rules:
    """All limits that may cover a task of a queue."""

    exact: Mapping[tuple[str, str], Limit]
    # Longest prefix first: the closest one counts.
    prefixes: Sequence[tuple[str, Limit]]

    @staticmethod
    def of(limits: Iterable[Limit]) -> Rules:
        """Sort them for being looked up."""
        exact, prefixes = {}, []
        for limit in limits:
            if limit.is_for_many:
                prefixes.append((limit.name.removesuffix(EVERY), limit))
            else:
                exact[limit.kind, limit.name] = limit
        return Rules(exact, sorted(prefixes, key=lambda each: -len(each[0])))

    def covering(self, queue: str, function: str, key: str | None) -> dict[str, Limit]:
        """The limits of a task, by the buckets that it is counted in."""
        names = {"queue": queue, "task": function}
        found = [self.exact.get(named) for named in names.items()]
        covering = {limit.bucket(limit.name): limit for limit in found if limit}
        if key is not None and (limit := self.of_key(key)):
            covering[limit.bucket(key)] = limit
        return covering

    def of_key(self, key: str) -> Limit | None:
        """The limit of a key: its own, else the closest one for many."""
        if (exact := self.exact.get(("key", key))) is not None:
            return exact
        return next((limit for prefix, limit in self.prefixes if key.startswith(prefix)), None)


@dataclass(slots=True)
class Use:
    """What a bucket holds: tasks handed out or running, those not started yet, and when it let some
    out. `taken` are about to go out; the first two have them already.
    """

    held: int = 0
    marked: int = 0
    slots: Slots = field(default_factory=list)
    taken: int = 0

    def free(self, limit: Limit, now: int) -> int:
        """How many more may go out at `now` (microseconds)."""
        free = limit.concurrency - self.held if limit.concurrency is not None else MAX_CONCURRENCY
        if limit.rate is not None:
            # Nor may more of them lie in the broker: they would all start in one moment.
            used = max(self.lately(limit.rate, now) + self.taken, self.marked)
            free = min(free, limit.rate.count - used)
        return max(free, 0)

    def wait(self, limit: Limit, now: int) -> float | None:
        """Seconds until its rate lets another one out; None if it is not the rate that keeps it."""
        rate = limit.rate
        if rate is None or self.lately(rate, now) + self.taken < rate.count:
            return None
        slots = self.handed_out(rate, self.taken, now) if self.taken else self._recent(rate, now)
        return (min(at for at, _ in slots) + _micros(rate.seconds) - now) / 1e6

    def lately(self, rate: Rate, now: int) -> int:
        """How many went out within the rate's period."""
        return sum(count for _, count in self._recent(rate, now))

    def _recent(self, rate: Rate, now: int) -> Slots:
        """The slots of the rate's period.

        Those that a clock which has gone back by more than a period has left in the future say nothing
        any more, or nothing would go out until it is there again.
        """
        return [slot for slot in self.slots if abs(now - slot[0]) < _micros(rate.seconds)]

    def take(self) -> None:
        """One more is about to go out."""
        self.held += 1
        self.marked += 1
        self.taken += 1

    def handed_out(self, rate: Rate, count: int, now: int) -> Slots:
        """The slots after `count` were handed out, the last of them at `now` (microseconds)."""
        length = max(_micros(rate.seconds) // PARTS, 1)
        end = (now // length + 1) * length
        kept = self._recent(rate, now)
        if kept and kept[-1][0] == end:
            return [*kept[:-1], [end, kept[-1][1] + count]]
        return [*kept, [end, count]]


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
