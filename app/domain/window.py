"""Which waiting rows may go into the broker now, and how many travel in one message. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.domain.rank import Priority, level

# A slice is as many rows as fill this time: long enough that Celery's work per message (about
# half a millisecond) is spread over many rows, short enough that nobody waits for a neighbour.
SLICE_SECONDS = 0.1
MAX_SLICE = 50
SAMPLES_BEFORE_SLICING = 20
# Rows of a function in the burst lane are claimed and settled together, so more of them pay.
MAX_BURST = 256
# Enough rows for whole slices from the first moment; hints are cheap, refills are not.
MIN_WINDOW = 64
MAX_WINDOW = 4096
# A feed that took longer than this and found little is followed by a rest of so many times the
# excess, but never of more than that.
QUICK_SECONDS = 0.01
REST_FACTOR = 4
LONGEST_REST_SECONDS = 0.25
# After a feed that could put out nothing: workers have more than enough to do meanwhile.
FULL_REST_SECONDS = 0.05

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Runtime:
    """How long a function's attempts run: seconds on average, and at most lately."""

    samples: int
    mean: float
    peak: float


def window(slots: int, claims_per_second: float, tick_seconds: float) -> int:
    """Rows that may be in the broker per queue: enough to keep every slot busy until refilled."""
    wanted = max(4 * slots, round(2 * claims_per_second * tick_seconds), MIN_WINDOW)
    return min(wanted, MAX_WINDOW)


def admit(
    candidates: Iterable[tuple[uuid.UUID, int]],
    outstanding: Mapping[int, int],
    size: int,
    now: int,
    ageing_seconds: float,
) -> dict[int, list[uuid.UUID]]:
    """The rows that fit, by the priority under which their hints travel.

    `candidates` are `(id, rank)` in rank order, `outstanding` counts the hints already out by
    priority, `now` is in microseconds. The room for a row is `size` less the hints of equal or
    higher priority, so that a window full of LOW never holds up a CRITICAL.
    """
    ahead = {
        floor: sum(count for other, count in outstanding.items() if other >= floor)
        for floor in Priority
    }
    admitted: dict[int, list[uuid.UUID]] = {}
    for task_id, rank in candidates:
        own = level(rank, now, ageing_seconds)
        if ahead[own] >= size:
            break  # rank order is level order: nobody behind has more room
        admitted.setdefault(own, []).append(task_id)
        for floor in Priority:
            if floor <= own:
                ahead[floor] += 1
    return admitted


def rest(took_seconds: float, rows: int, size: int, *, full: bool = False) -> float:
    """Seconds until a queue should be fed again, after a feed that put out so many of a window.

    While somebody's transaction holds an old snapshot, PostgreSQL can clean nothing away, and every
    feed steps over all rows that have waited since. One that finds much is worth that; those that
    find a row or two are gathered, so that feeding takes a bounded part of the time. So are those
    for a window that is `full`: under a stream of submissions each would find it full once more.
    """
    if 2 * rows >= size:
        return 0.0
    least = FULL_REST_SECONDS if full else 0.0
    excess = max(took_seconds - QUICK_SECONDS, 0.0)
    return max(least, min(REST_FACTOR * excess, LONGEST_REST_SECONDS))


def slice_size(runtime: Runtime | None, backlog: int, slots: int) -> int:
    """Rows of one function in a message; 1 unless it is known to be short and rows queue up.

    With a small backlog the rows are spread over all slots first.
    """
    if runtime is None or runtime.samples < SAMPLES_BEFORE_SLICING:
        return 1
    if runtime.peak > SLICE_SECONDS:
        return 1
    by_time = int(SLICE_SECONDS / max(runtime.mean, SLICE_SECONDS / MAX_SLICE))
    by_backlog = backlog // max(1, 2 * slots)
    return max(1, min(by_time, by_backlog, MAX_SLICE))


def burst_size(runtime: Runtime | None, backlog: int, slots: int) -> int:
    """Rows of a function in the burst lane in a message, whose author says that it is short.

    One that is longer than its author thinks gets fewer.
    """
    by_time = MAX_BURST if runtime is None else int(SLICE_SECONDS / max(runtime.mean, 1e-6))
    by_backlog = backlog // max(1, 2 * slots)
    return max(1, min(by_time, by_backlog, MAX_BURST))


Kind = TypeVar("Kind", bound=Hashable)


def group(rows: Sequence[Row], kinds: Sequence[Kind], sizes: Mapping[Kind, int]) -> list[list[Row]]:
    """Rows in order, gathered into messages of one kind each, such as a function."""
    messages: list[list[Row]] = []
    open_: dict[Kind, list[Row]] = {}
    for row, name in zip(rows, kinds, strict=True):
        current = open_.get(name)
        if current is None:
            current = open_[name] = []
            messages.append(current)
        current.append(row)
        if len(current) >= sizes.get(name, 1):
            del open_[name]
    return messages
