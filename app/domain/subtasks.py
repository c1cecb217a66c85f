"""What a task shows of its subtasks: how many there are of each status, and how far they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from app.domain.lifecycle import ACTIVE, TaskStatus

# Progress is added up in hundredths of a percent: sums of whole numbers do not drift.
HUNDREDTHS = 100
# A subtask that has ended counts as done, however it did: nothing more comes of it.
ALL_DONE = 100 * HUNDREDTHS

# As it is kept in the parent's row. `done` is the sum of all subtasks' progress in hundredths,
# `shown` what the parent's own progress was last set to because of them.
Kept = Mapping[str, Any]


class Change(Protocol):
    """`number` subtasks went from one status to another (None: there was, or is, no row)."""

    was: str | None
    now: str | None
    number: int
    done: int


def added_up(kept: Kept | None, changes: Iterable[Change]) -> dict[str, Any] | None:
    """What is kept after these changes; None if there are no subtasks (any more)."""
    old = kept or {}
    counts = {status.value: int(old.get(status.value, 0)) for status in TaskStatus}
    done = int(old.get("done", 0))
    for change in changes:
        for status, number in ((change.now, change.number), (change.was, -change.number)):
            if status is not None:
                counts[status] += number
        done += change.done
    total = sum(counts.values())
    if not total:
        return None
    progress = round(done / total / HUNDREDTHS, 2)
    shown = old.get("shown", 0.0)
    return {"total": total, **counts, "progress": progress, "done": done, "shown": shown}


def progress_of_parent(status: str, attempt: int, progress: float, kept: Kept) -> float:
    """The progress of a task whose subtasks have come so far.

    In an attempt that reports none of its own it is that of its subtasks, and does not fall.
    """
    begun = status in ACTIVE and attempt > 0
    if not begun or progress not in (0.0, kept["shown"]):
        return progress
    return max(progress, float(kept["progress"]))
