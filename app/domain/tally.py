"""Adding changes of tasks up to counts and figures."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from app.domain.figures import Figures
from app.domain.lifecycle import ACTIVE, TaskStatus

# Pending and running together. Which of them a task is, is not counted but looked up.
ACTIVE_TASKS = "active"
# What is beyond the number of kinds that are told apart.
OTHER = "(other)"
_MICROSECOND = timedelta(microseconds=1)


class Kind(NamedTuple):
    """What statistics tell apart."""

    task_type: str
    celery_task_name: str
    queue: str


class Sum(Protocol):
    """So many deltas of an owner were alike.

    `what` says in which way: `taken` (all of them), `counted` (the number of tasks in `status` has
    changed by that), `created`, `started` (after a wait of `bucket`), `finished` (as `status`,
    after a run of `bucket`, if it ran), in the hour `at`.
    """

    what: str
    user_id: uuid.UUID | None
    task_type: str | None
    celery_task_name: str | None
    queue: str | None
    status: str | None
    at: datetime | None
    bucket: int | None
    number: int


Owner = uuid.UUID | None


@dataclass(slots=True)
class Tally:
    """Changes of counts by owner and status; figures by owner, kind and hour; how many deltas."""

    counts: dict[tuple[Owner, str], int] = field(default_factory=lambda: defaultdict(int))
    figures: dict[tuple[Owner, Kind, datetime], Figures] = field(
        default_factory=lambda: defaultdict(Figures)
    )
    taken: int = 0

    @classmethod
    def of(cls, sums: Iterable[Sum]) -> Tally:
        """All of these sums together."""
        tally = cls()
        for each in sums:
            tally._add(each)
        return tally

    def _add(self, each: Sum) -> None:
        if each.what == "taken":
            self.taken += each.number
        elif each.what == "counted":
            assert each.status is not None
            self.counts[each.user_id, each.status] += each.number
        else:
            assert each.at is not None
            self._measure(self.figures[each.user_id, kind_of(each), each.at], each)

    def _measure(self, figures: Figures, each: Sum) -> None:
        if each.what == "created":
            figures.created += each.number
        elif each.what == "started":
            figures.start(each.bucket or 0, each.number)
        else:
            assert each.status is not None
            figures.finish(each.status, each.bucket, each.number)


def kind_of(row: Any) -> Kind:
    """The kind of the tasks that a row speaks of."""
    return Kind(row.task_type, row.celery_task_name, row.queue)


def hour_of(moment: datetime) -> datetime:
    """The hour (UTC) in which it is."""
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The day (UTC) in which it is."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def micros_between(earlier: datetime | None, later: datetime) -> int:
    """Microseconds; 0 where the earlier moment is unknown."""
    return 0 if earlier is None else (later - earlier) // _MICROSECOND


class Counted(Protocol):
    """`folded`: so many are in `now`. `unfolded`: so many went from `was` to `now` since.
    `running`: so many of the active ones run.
    """

    what: str
    was: str | None
    now: str | None
    number: int


def by_status(rows: Iterable[Counted]) -> dict[str, int]:
    """How many tasks are in each status: the five, and others if there could be any."""
    counts: dict[str, int] = {status.value: 0 for status in TaskStatus}
    active = 0
    for row in rows:
        if row.what == "running":
            counts[TaskStatus.RUNNING] += row.number
            continue
        for status, number in ((row.now, row.number), (row.was, -row.number)):
            if status is None:
                continue
            if counted_as(status) == ACTIVE_TASKS:
                active += number
            else:
                counts[status] = counts.get(status, 0) + number
    counts[TaskStatus.PENDING] = active - counts[TaskStatus.RUNNING]
    return counts


def counted_as(status: str) -> str:
    """Under which name a status is counted."""
    return ACTIVE_TASKS if status in (*ACTIVE, ACTIVE_TASKS) else status
