"""What the counts and the statistics ought to say, written down by looking at the rows."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select

from app.db.session import Database
from app.domain.figures import ENDINGS, Figures
from app.domain.histogram import bucket_of
from app.domain.lifecycle import FINISHED, TaskStatus
from app.domain.tally import Kind, by_status, day_of, hour_of, kind_of, micros_between
from app.maintenance import fold
from app.models import EVERYBODY, StatisticBucket, StatisticSeries, Task
from app.queries import counting

Buckets = dict[tuple[uuid.UUID, Kind, str, datetime], Figures]


def counted(database: Database, owner: uuid.UUID | None = None) -> dict[str, int]:
    """What the system counts, by status."""
    rows: Any = database.execute(*counting.count_maintained(owner)).all()
    return by_status(rows)


def there_are(database: Database, owner: uuid.UUID | None = None) -> dict[str, int]:
    """What there is, by status."""
    mine = select(Task.status) if owner is None else select(Task.status).filter_by(user_id=owner)
    found = Counter(database.execute(mine).column())
    return {status.value: found[status.value] for status in TaskStatus}


def folded(database: Database) -> Buckets:
    """Every bucket of the statistics."""
    series, bucket = StatisticSeries, StatisticBucket
    columns = (series.owner, series.task_type, series.celery_task_name, series.queue)
    statement = select(*columns, *bucket.__table__.c).join(bucket, bucket.series_id == series.id)
    return {
        (row.owner, kind_of(row), row.unit, row.begins_at): Figures.of_row(row)
        for row in database.execute(statement).all()
    }


@dataclass
class Ledger:
    """Sees rows change, and knows from that what has been created, started and finished."""

    database: Database
    buckets: Buckets = field(default_factory=lambda: defaultdict(Figures))
    # Finished and gone between two looks: as what, nobody has seen.
    unseen: int = 0

    def __post_init__(self) -> None:
        fold.run_once(self.database, 1_000_000)
        self.database.execute(delete(StatisticSeries))

    def see(self, before: Mapping[uuid.UUID, Row[Any]], rows: Mapping[uuid.UUID, Row[Any]]) -> None:
        """Compare two looks. No row may have done more than one thing in between."""
        for row in rows.values():
            old = before.get(row.id)
            if old is None:
                for figures in self._at(row, row.created_at):
                    figures.created += 1
            started = row.attempt > (old.attempt if old else 0)
            if started:
                for figures in self._at(row, row.started_at):
                    figures.start(bucket_of(micros_between(row.ready_at, row.started_at)))
            if row.status in FINISHED and (old is None or old.status not in FINISHED):
                ran = old is not None and old.status == TaskStatus.RUNNING
                took = micros_between(row.started_at, row.completed_at) if ran else 0
                for figures in self._at(row, row.completed_at):
                    figures.finish(row.status, bucket_of(took) if ran else None)
        self.unseen += sum(
            before[gone].status == TaskStatus.RUNNING for gone in set(before) - set(rows)
        )

    def _at(self, row: Any, moment: datetime) -> list[Figures]:
        return [self.buckets[key] for key in _keys(row, moment)]

    def check(self, rows: Mapping[uuid.UUID, Row[Any]]) -> None:
        """Fold everything, and compare; what still runs is written down when it ends."""
        fold.run_once(self.database, 1_000_000)
        found = folded(self.database)
        for row in rows.values():
            if row.status == TaskStatus.RUNNING:
                for key in _keys(row, row.started_at):
                    waited = micros_between(row.ready_at, row.started_at)
                    found.setdefault(key, Figures()).start(bucket_of(waited))
        if not self.unseen:
            assert found == dict(self.buckets)
            return
        seen, known = _total(found), _total(self.buckets)
        assert (seen.created, seen.started, seen.waits) == (
            known.created, known.started, known.waits,
        )  # fmt: skip
        assert seen.finished == known.finished + 2 * self.unseen
        assert all(getattr(seen, status) >= getattr(known, status) for status in ENDINGS)


def _keys(row: Any, moment: datetime) -> list[tuple[uuid.UUID, Kind, str, datetime]]:
    return [
        (owner, kind_of(row), unit, begins)
        for owner in {EVERYBODY, row.user_id or EVERYBODY}
        for unit, begins in (("hour", hour_of(moment)), ("day", day_of(moment)))
    ]


def _total(buckets: Mapping[Any, Figures]) -> Figures:
    total = Figures()
    for figures in buckets.values():
        total.add(figures)
    return total
