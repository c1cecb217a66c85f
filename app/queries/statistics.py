"""Statements about statistics: series, and what happened in each of them by hour and day."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Delete, Select, delete, exists, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import Insert

from app.db.clock import after
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event
from app.domain.tally import Kind
from app.models import EVERYBODY, StatisticBucket, StatisticSeries, Task
from app.queries.guards import legal
from app.queries.types import InsertedRows, Rows

_KEY = (StatisticBucket.series_id, StatisticBucket.unit, StatisticBucket.begins_at)
_SUMS = ("created", "started", "succeeded", "failed", "revoked", "waits", "runs")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose statistics of which tasks; None does not restrict, except `owner`: everybody's."""

    owner: uuid.UUID | None = None
    task_type: str | None = None
    celery_task_name: str | None = None
    queue: str | None = None


def series_of(keys: Sequence[tuple[uuid.UUID, Kind]]) -> Rows:
    """The series of these owners and kinds, as far as they exist."""
    series = StatisticSeries
    columns = (series.owner, series.task_type, series.celery_task_name, series.queue)
    values = [(owner, *kind) for owner, kind in keys]
    return select(series.id, *columns).where(tuple_(*columns).in_(values))


def number_of_series(owners: Sequence[uuid.UUID]) -> Rows:
    """How many series these owners have."""
    owner = StatisticSeries.owner
    return select(owner, func.count()).where(owner.in_(list(owners))).group_by(owner)


def insert_series(owner: uuid.UUID, kind: Kind) -> InsertedRows:
    """A new series; its id."""
    values = {"owner": owner, **kind._asdict()}
    return insert(StatisticSeries).values(values).returning(StatisticSeries.id)


def buckets_of(keys: Sequence[tuple[int, str, datetime]]) -> Rows:
    """Buckets by series, unit and begin, as far as they exist."""
    return select(*StatisticBucket.__table__.c).where(tuple_(*_KEY).in_(list(keys)))


def write_bucket() -> Insert:
    """Write a bucket's sums, whatever they were."""
    statement = upsert(StatisticBucket)
    return statement.on_conflict_do_update(
        index_elements=["series_id", "unit", "begins_at"],
        set_={name: statement.excluded[name] for name in _SUMS},
    )


def read(wanted: Wanted, unit: str, begin: datetime, end: datetime, limit: int) -> Rows:
    """Buckets that begin from `begin` on and before `end`, with the kind of their series."""
    series = StatisticSeries
    bucket = StatisticBucket
    return (
        select(
            series.task_type,
            series.celery_task_name,
            series.queue,
            bucket.begins_at,
            *(getattr(bucket, name) for name in _SUMS),
        )
        .join(bucket, bucket.series_id == series.id)
        .where(
            series.owner == (wanted.owner or EVERYBODY),
            *_these(wanted, series),
            bucket.unit == unit,
            bucket.begins_at >= begin,
            bucket.begins_at < end,
        )
        .limit(limit)
    )


def running(wanted: Wanted, begin: datetime, end: datetime) -> Rows:
    """Attempts that run and began in that time: they are written down only when they end."""
    owner = [] if wanted.owner is None else [Task.user_id == wanted.owner]
    return select(
        Task.task_type, Task.celery_task_name, Task.queue, Task.ready_at, Task.started_at
    ).where(
        legal(Event.REPORT),
        *owner,
        *_these(wanted, Task),
        Task.started_at >= begin,
        Task.started_at < end,
    )


def _these(wanted: Wanted, table: Any) -> list[ColumnElement[bool]]:
    named = {name: getattr(wanted, name) for name in Kind._fields}
    return [getattr(table, name) == value for name, value in named.items() if value is not None]


def forget_buckets(unit: str, seconds: float) -> Delete:
    """Buckets of a unit that began longer ago than that."""
    bucket = StatisticBucket
    return delete(bucket).where(bucket.unit == unit, bucket.begins_at < after(-seconds))


def forget_series() -> Delete:
    """Series that have no bucket left."""
    kept = exists().where(StatisticBucket.series_id == StatisticSeries.id)
    return delete(StatisticSeries).where(~kept)


def earliest(owner: uuid.UUID | None, unit: str) -> Select[datetime | None]:
    """When the first bucket of that owner, or of all, begins."""
    return (
        select(func.min(StatisticBucket.begins_at))
        .join(StatisticSeries, StatisticSeries.id == StatisticBucket.series_id)
        .where(StatisticSeries.owner == (owner or EVERYBODY), StatisticBucket.unit == unit)
    )
