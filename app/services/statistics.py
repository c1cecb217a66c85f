"""Statistics: what happened to tasks, by time and by what they are.

Read from sums that are kept (`app.maintenance.fold`), so the cost depends on the span and on the
number of kinds of tasks, never on the number of tasks. They follow what happens by a few seconds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Invalid
from app.domain import histogram
from app.domain.figures import ENDINGS, Figures
from app.domain.histogram import Histogram
from app.domain.tally import OTHER, day_of, hour_of, micros_between
from app.queries import clock
from app.queries import statistics as queries
from app.queries.statistics import Wanted

__all__ = ["Bucket", "GroupBy", "Line", "Spread", "Statistics", "Wanted", "statistics"]

# An answer has at most so many buckets: a month of hours, two years of days.
MAX_BUCKETS = 750
# Rows of one answer; reading and adding them up takes about a second.
MAX_ROWS = 50_000
MAX_GROUPS = 100
PERCENTS = (50, 90, 99)

Cells = dict[tuple[str | None, datetime], Figures]


class Bucket(StrEnum):
    """The unit of time, in UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long one is."""
        return timedelta(hours=1) if self is Bucket.HOUR else timedelta(days=1)

    def begin_of(self, moment: datetime) -> datetime:
        """Where the one begins in which `moment` is."""
        return hour_of(moment) if self is Bucket.HOUR else day_of(moment)


class GroupBy(StrEnum):
    """What lines are made of."""

    TASK_TYPE = "task_type"
    CELERY_TASK_NAME = "celery_task_name"
    QUEUE = "queue"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in seconds: how many, and what 50, 90 and 99 % of them do not exceed."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None

    @classmethod
    def of(cls, counted: Histogram) -> Spread:
        """Of a histogram."""
        return cls(sum(counted.values()), *histogram.percentiles(counted, PERCENTS))


@dataclass(frozen=True, slots=True)
class Line:
    """Figures of a group in `seconds` from `begins_at` on; `group` None is everything."""

    group: str | None
    begins_at: datetime
    seconds: float
    created: int
    started: int
    succeeded: int
    failed: int
    revoked: int
    failure_rate: float | None
    wait: Spread
    run: Spread

    @property
    def finished(self) -> int:
        """Tasks that finished, however they did."""
        return self.succeeded + self.failed + self.revoked

    @property
    def per_second(self) -> float:
        """Throughput: tasks finished each second."""
        return self.finished / self.seconds if self.seconds > 0 else 0.0

    @classmethod
    def of(cls, group: str | None, begin: datetime, end: datetime, figures: Figures) -> Line:
        """What the figures say of that time."""
        return cls(
            group,
            begin,
            (end - begin).total_seconds(),
            figures.created,
            figures.started,
            **{status: getattr(figures, status) for status in ENDINGS},
            failure_rate=figures.failure_rate,
            wait=Spread.of(figures.waits),
            run=Spread.of(figures.all_runs),
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """`groups` largest first; `points` in order, without those in which nothing happened.

    `as_of` is the database's time when they were read.
    """

    begins_at: datetime
    ends_at: datetime
    bucket: Bucket
    group_by: GroupBy | None
    as_of: datetime
    total: Line
    groups: list[Line] = field(default_factory=list)
    points: list[Line] = field(default_factory=list)


async def statistics(
    db: AsyncSession,
    wanted: Wanted,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    bucket: Bucket = Bucket.HOUR,
    group_by: GroupBy | None = None,
    groups: int = 20,
) -> Statistics:
    """Statistics of `begin` to `end` (by default the last 24 buckets), widened to whole buckets.

    At most `groups` (up to 100) lines; what is left over is added up in one more, `(other)`.
    Raises `Invalid` for a span that is empty or too long.
    """
    as_of: datetime = (await db.execute(clock.database_time())).one()[0]
    begin, end = _whole_buckets(begin, end, bucket, as_of)
    rows = (await db.execute(queries.read(wanted, bucket, begin, end, MAX_ROWS + 1))).all()
    if len(rows) > MAX_ROWS:
        raise _refused("from", "That is too much at once; take a shorter time or bucket=day")
    running = (await db.execute(queries.running(wanted, begin, end))).all()
    sums = _Sums(bucket, group_by)
    # Up to a second of adding up, which would hold up every other request.
    await asyncio.to_thread(sums.add, rows, running)
    return await asyncio.to_thread(sums.answer, begin, end, as_of, min(groups, MAX_GROUPS))


def _whole_buckets(
    begin: datetime | None, end: datetime | None, bucket: Bucket, as_of: datetime
) -> tuple[datetime, datetime]:
    last = as_of if end is None else end - timedelta(microseconds=1)
    end = bucket.begin_of(last) + bucket.length
    begin = end - 24 * bucket.length if begin is None else bucket.begin_of(begin)
    if begin >= end:
        raise _refused("from", "from must be before to")
    if (end - begin) / bucket.length > MAX_BUCKETS:
        raise _refused("from", f"At most {MAX_BUCKETS} buckets; take a shorter time or bucket=day")
    return begin, end


class _Sums:
    """Figures of everything, and of each group in each bucket."""

    def __init__(self, bucket: Bucket, group_by: GroupBy | None) -> None:
        self._bucket = bucket
        self._group_by = group_by
        self._whole = Figures()
        self._cells: Cells = defaultdict(Figures)

    def add(self, rows: Sequence[Any], running: Sequence[Any]) -> None:
        """What is folded, and the starts of what still runs, which are folded when it ends."""
        for row in rows:
            self._put(row, row.begins_at, Figures.of_row(row))
        for row in running:
            begun = Figures()
            begun.start(histogram.bucket_of(micros_between(row.ready_at, row.started_at)))
            self._put(row, self._bucket.begin_of(row.started_at), begun)

    def _put(self, row: Any, begins_at: datetime, figures: Figures) -> None:
        self._whole.add(figures)
        if self._group_by is GroupBy.STATUS:
            for status in ENDINGS:
                if getattr(figures, status):
                    self._cells[status, begins_at].add(figures.only(status))
        else:
            group = None if self._group_by is None else getattr(row, self._group_by)
            self._cells[group, begins_at].add(figures)

    def answer(self, begin: datetime, end: datetime, as_of: datetime, most: int) -> Statistics:
        """The lines."""
        until = max(begin, min(end, as_of))
        cells, groups = self._cells, dict[str | None, Figures]()
        if self._group_by is not None:
            cells = _largest(cells, most)
            groups = _by_group(cells)
        return Statistics(
            begin,
            end,
            self._bucket,
            self._group_by,
            as_of,
            Line.of(None, begin, until, self._whole),
            [Line.of(group, begin, until, figures) for group, figures in groups.items()],
            [
                Line.of(group, at, max(at, min(at + self._bucket.length, until)), figures)
                for (group, at), figures in sorted(cells.items(), key=_by_time)
            ],
        )


def _by_time(cell: tuple[tuple[str | None, datetime], Figures]) -> tuple[datetime, str]:
    (group, begins_at), _ = cell
    return begins_at, group or ""


def _by_group(cells: Cells) -> dict[str | None, Figures]:
    """Each group over the whole time, the one with most to tell first, what is left over last."""
    sums: dict[str | None, Figures] = defaultdict(Figures)
    for (group, _), figures in cells.items():
        sums[group].add(figures)
    return dict(
        sorted(sums.items(), key=lambda item: (item[0] == OTHER, -_weight(item[1]), item[0]))
    )


def _weight(figures: Figures) -> int:
    return figures.created + figures.started + figures.finished


def _largest(cells: Cells, most: int) -> Cells:
    """The same with all but the largest groups put together."""
    named = [group for group in _by_group(cells) if group != OTHER]
    kept = set(named[:most])
    fewer: Cells = defaultdict(Figures)
    for (group, begins_at), figures in cells.items():
        fewer[group if group in kept else OTHER, begins_at].add(figures)
    return fewer


def _refused(name: str, message: str) -> Invalid:
    errors = [{"loc": ["query", name], "msg": message, "type": "range"}]
    return Invalid(f"{name}: {message}", errors=errors)
