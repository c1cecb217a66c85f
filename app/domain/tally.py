"""Adding changes of tasks up to counts and figures."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from app.domain.figures import Figures
from app.domain.lifecycle import ACTIVE, FINISHED, TaskStatus

# Pending and running together. Which of them a task is, is not counted but looked up.
ACTIVE_TASKS = "active"
_MICROSECOND = timedelta(microseconds=1)


class Kind(NamedTuple):
    """What statistics tell apart."""

    task_type: str
    celery_task_name: str
    queue: str


class Delta(Protocol):
    """A row of `task_deltas`: `number` tasks of a kind went from `was` to `now`."""

    user_id: uuid.UUID | None
    task_type: str | None
    celery_task_name: str | None
    queue: str | None
    was: str | None
    now: str | None
    number: int
    created_at: datetime | None
    ready_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


Owner = uuid.UUID | None


@dataclass(slots=True)
class Tally:
    """Changes of counts by owner and status; figures by owner, kind and hour."""

    counts: dict[tuple[Owner, str], int] = field(default_factory=lambda: defaultdict(int))
    figures: dict[tuple[Owner, Kind, datetime], Figures] = field(
        default_factory=lambda: defaultdict(Figures)
    )

    @classmethod
    def of(cls, deltas: Iterable[Delta]) -> Tally:
        """The sum of these changes; their order does not matter."""
        tally = cls()
        for delta in deltas:
            tally._count(delta)
            if delta.now is not None:
                tally._measure(delta)
        return tally

    def _count(self, delta: Delta) -> None:
        was, now = counted_as(delta.was), counted_as(delta.now)
        if was == now:
            return
        if was is not None:
            self.counts[delta.user_id, was] -= delta.number
        if now is not None:
            self.counts[delta.user_id, now] += delta.number

    def _measure(self, delta: Delta) -> None:
        owner, kind = delta.user_id, kind_of(delta)
        if delta.was is None and delta.created_at is not None:
            self.figures[owner, kind, hour_of(delta.created_at)].created += delta.number
        if delta.started_at is not None:
            begun = self.figures[owner, kind, hour_of(delta.started_at)]
            begun.start(micros_between(delta.ready_at, delta.started_at))
        if delta.now in FINISHED and delta.was not in FINISHED and delta.completed_at is not None:
            assert delta.now is not None
            ended = self.figures[owner, kind, hour_of(delta.completed_at)]
            ended.finish(delta.now, delta.number)
            if delta.started_at is not None:
                ended.ran(delta.now, micros_between(delta.started_at, delta.completed_at))


def counted_as(status: str | None) -> str | None:
    """Under which name a status is counted."""
    return ACTIVE_TASKS if status in ACTIVE else status


def kind_of(row: Delta) -> Kind:
    """The kind of the tasks that a row speaks of."""
    return Kind(row.task_type or "", row.celery_task_name or "", row.queue or "")


def hour_of(moment: datetime) -> datetime:
    """The hour (UTC) in which it is."""
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The day (UTC) in which it is."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def micros_between(earlier: datetime | None, later: datetime) -> int:
    """Microseconds; 0 where the earlier moment is unknown."""
    return 0 if earlier is None else (later - earlier) // _MICROSECOND


def by_status(counts: dict[str, int], running: int) -> dict[str, int]:
    """What is counted, as the five statuses: `running` of the active ones run, the others wait."""
    active = counts.get(ACTIVE_TASKS, 0)
    finished = {status.value: counts.get(status.value, 0) for status in TaskStatus}
    return {**finished, "pending": active - running, "running": running}
