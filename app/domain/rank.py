"""Where a ready task stands in its queue, and under which priority its hint travels.

`rank = ready_at - offset(priority)`, smaller first. Priorities differ by exactly one ageing
period, so a task that has waited one period more ranks like a fresh task one level above it:
strict priorities with ageing, decided once, when the row becomes ready, and never again.
CRITICAL's offset is a century: nothing ages past it.
"""

from __future__ import annotations

from enum import IntEnum

MICROSECONDS = 1_000_000
_CENTURY = 100 * 365 * 86_400 * MICROSECONDS


class Priority(IntEnum):
    """The four levels a user may choose."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    CRITICAL = 4


def offset(priority: int, ageing_seconds: float) -> int:
    """Microseconds by which `priority` (1 to 4) is moved ahead of LOW."""
    if priority >= Priority.CRITICAL:
        return _CENTURY
    return round((priority - Priority.LOW) * ageing_seconds * MICROSECONDS)


def level(rank: int, now: int, ageing_seconds: float) -> Priority:
    """The priority that a row of `rank` is worth at `now` (both in microseconds).

    Because neighbouring offsets are one ageing period apart, this needs no more than the rank.
    """
    waited = now - rank
    if waited >= _CENTURY // 2:
        return Priority.CRITICAL
    steps = int(waited // round(ageing_seconds * MICROSECONDS))
    return Priority(min(max(Priority.LOW + steps, Priority.LOW), Priority.HIGH))


def broker_priority(level: int) -> int:
    """Celery's number on a Redis broker, where 0 is the most urgent of four lists."""
    return 9 - 3 * (level - Priority.LOW)
