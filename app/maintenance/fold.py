"""Moving what `task_deltas` says into counts and statistics.

Everything happens in one transaction: it takes deltas out, adds them up, and writes the sums. A
fold that dies half-way has done nothing, and what it took is taken again.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.core.config import get_settings
from app.db.session import Database
from app.domain.figures import Figures
from app.domain.tally import OTHER, Kind, Owner, Tally, day_of
from app.maintenance.report import Report
from app.models import EVERYBODY
from app.queries import counting, folding, metrics
from app.queries import statistics as queries

HOUR, DAY = "hour", "day"
# One transaction: on SQLite nobody else writes for these 40 ms.
BATCH = 5000
# `task_type` is any text. Whoever makes a new one for each task fills a bounded number of series;
# what comes after that is counted together, and nobody else's names are crowded out.
SERIES_OF_OWNER = 100
SERIES_OF_EVERYBODY = 1000
# After that only days are kept.
HOURS_KEPT_DAYS = 35.0
DAY_SECONDS = 86_400.0
# Keys of one statement.
_KEYS = 500

Key = tuple[uuid.UUID, Kind]
Bucket = tuple[int, str, datetime]


@dataclass(frozen=True, slots=True)
class FoldReport(Report):
    """`folded` deltas; `left` is 1 when there may be more."""

    folded: int = 0
    left: int = 0

    @property
    def worth_telling(self) -> bool:
        """That it does its work is everyday."""
        return bool(self.left)


def run_once(database: Database, limit: int) -> FoldReport:
    """Fold about `limit` deltas, `BATCH` a transaction."""
    folded, more = 0, True
    while folded < limit and more:
        taken = _fold(database)
        folded += taken
        more = taken == BATCH
    return FoldReport(folded, int(more))


def _fold(database: Database) -> int:
    # Outside a transaction: on SQLite that would be a lock for nothing.
    if not database.run((counting.any_delta(), {}))[0].all():
        return 0
    with database.transaction() as connection:
        hold_lock(connection)
        tally = Tally.of(_take(connection))
        _add_counts(connection, tally)
        _add_figures(connection, tally)
        _add_totals(connection, tally)
    return tally.taken


def _take(connection: Connection) -> Sequence[Any]:
    """At most `BATCH` deltas, added up. They are gone when this is committed."""
    if connection.dialect.name == "postgresql":
        return connection.execute(folding.take(), {"limit": BATCH}).all()
    last = connection.execute(folding.last_place(BATCH)).scalar_one()
    if last is None:
        return []
    sums = connection.execute(folding.sums_up_to(), {"last": last}).all()
    connection.execute(folding.remove_up_to(last))
    return sums


def hold_lock(connection: Connection) -> None:
    """Wait until nobody else folds."""
    if connection.execute(counting.lock()).first() is None:
        connection.execute(counting.ensure_lock())
        connection.execute(counting.lock())


def _add_counts(connection: Connection, tally: Tally) -> None:
    sums: dict[tuple[uuid.UUID, str], int] = defaultdict(int)
    for (owner, status), number in tally.counts.items():
        for counted in counted_under(owner):
            sums[counted, status] += number
    rows = [
        {"owner": owner, "status": status, "number": number}
        for (owner, status), number in sorted(sums.items())
        if number
    ]
    if rows:
        connection.execute(counting.add_to_count(), rows)


def counted_under(owner: Owner) -> tuple[uuid.UUID, ...]:
    """Everybody, and the owner if there is one."""
    return (EVERYBODY,) if owner is None else (EVERYBODY, owner)


def _add_figures(connection: Connection, tally: Tally) -> None:
    if not tally.figures:
        return
    kinds = _known_kinds(connection, tally)
    sums: dict[Bucket, Figures] = defaultdict(Figures)
    for (owner, kind, hour), figures in tally.figures.items():
        for series in kinds[owner, kind]:
            sums[series, HOUR, hour].add(figures)
            sums[series, DAY, day_of(hour)].add(figures)
    for row in _existing(connection, list(sums)):
        sums[row.series_id, row.unit, row.begins_at].add(Figures.of_row(row))
    rows = [
        {"series_id": series, "unit": unit, "begins_at": begins_at, **figures.as_row()}
        for (series, unit, begins_at), figures in sums.items()
    ]
    connection.execute(queries.write_bucket(), rows)


def _add_totals(connection: Connection, tally: Tally) -> None:
    """What has ever happened in each queue, which no removal of old buckets makes less."""
    sums: dict[str, Figures] = defaultdict(Figures)
    for (_, kind, _), figures in tally.figures.items():
        sums[kind.queue].add(figures)
    if not sums:
        return
    for row in connection.execute(metrics.totals_of(sorted(sums))).all():
        sums[row.queue].add(Figures.of_row(row))
    rows = [{"queue": queue, **figures.as_row()} for queue, figures in sums.items()]
    connection.execute(metrics.write_total(), rows)


def _known_kinds(connection: Connection, tally: Tally) -> dict[tuple[Owner, Kind], list[int]]:
    """The series of each owner and kind: the owner's own, if it has one, and everybody's."""
    pairs = {(owner, kind) for owner, kind, _ in tally.figures}
    series = _Series(connection, pairs)
    known: dict[tuple[Owner, Kind], list[int]] = {}
    for owner, kind in sorted(pairs, key=str):
        own = [] if owner is None else [series.of(owner, kind)]
        # What is "(other)" to its owner is so to everybody: one owner cannot use up all names.
        shared = series.kind_of[own[0]] if own else kind
        known[owner, kind] = [*own, series.of(EVERYBODY, shared)]
    return known


class _Series:
    """Finds series, and makes those that are missing as long as there may be more of them."""

    def __init__(self, connection: Connection, pairs: Iterable[tuple[Owner, Kind]]) -> None:
        self._connection = connection
        self.kind_of: dict[int, Kind] = {}
        self._ids: dict[Key, int] = {}
        self._numbers: dict[uuid.UUID, int] = {}
        keys = {(counted, kind) for owner, kind in pairs for counted in counted_under(owner)}
        self._find(keys)
        missing = {owner for owner, kind in keys if (owner, kind) not in self._ids}
        for part in _parts(sorted(missing)):
            found = connection.execute(queries.number_of_series(part)).all()
            self._numbers |= {row[0]: row[1] for row in found}

    def _find(self, keys: Iterable[Key]) -> None:
        for part in _parts(sorted(keys)):
            for row in self._connection.execute(queries.series_of(part)).all():
                self._keep(row.owner, Kind(row.task_type, row.celery_task_name, row.queue), row.id)

    def _keep(self, owner: uuid.UUID, kind: Kind, series: int) -> None:
        self._ids[owner, kind] = series
        self.kind_of[series] = kind

    def of(self, owner: uuid.UUID, kind: Kind) -> int:
        """The id of a series."""
        if (owner, kind) in self._ids:
            return self._ids[owner, kind]
        most = SERIES_OF_EVERYBODY if owner == EVERYBODY else SERIES_OF_OWNER
        if self._numbers.get(owner, 0) >= most and kind.task_type != OTHER:
            return self.of(owner, kind._replace(task_type=OTHER))
        if kind.task_type == OTHER:
            # It has not been looked for yet.
            self._find([(owner, kind)])
        if (owner, kind) not in self._ids:
            series = self._connection.execute(queries.insert_series(owner, kind)).scalar_one()
            self._keep(owner, kind, series)
            self._numbers[owner] = self._numbers.get(owner, 0) + 1
        return self._ids[owner, kind]


def _existing(connection: Connection, keys: Sequence[Bucket]) -> Iterator[Any]:
    for part in _parts(keys):
        yield from connection.execute(queries.buckets_of(part)).all()


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _KEYS):
        yield items[start : start + _KEYS]


def recount(database: Database) -> int:
    """Count the rows anew, for when counts and rows disagree; returns how many counts changed.

    The system may run meanwhile: rows and unfolded changes are read in one statement, and nothing
    is folded until it is done.
    """
    with database.transaction() as connection:
        hold_lock(connection)
        wrong = connection.execute(counting.differences(1_000_000)).all()
        fixes = [
            {"owner": row.owner, "status": row.status, "number": -row.number}
            for row in sorted(wrong, key=lambda row: (row.owner, row.status))
        ]
        if fixes:
            connection.execute(counting.add_to_count(), fixes)
    return len(fixes)


def forget(database: Database) -> None:
    """Remove buckets that are too old, and series that have none left."""
    days = get_settings().statistics_days
    hours = min(HOURS_KEPT_DAYS, days or HOURS_KEPT_DAYS)
    # No series may lose its last bucket while a fold is about to write it another one.
    with database.transaction() as connection:
        hold_lock(connection)
        connection.execute(queries.forget_buckets(HOUR, hours * DAY_SECONDS))
        if days:
            connection.execute(queries.forget_buckets(DAY, days * DAY_SECONDS))
        connection.execute(queries.forget_series())
