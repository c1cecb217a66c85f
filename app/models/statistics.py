"""What the system knows about its tasks in numbers: changes not yet counted, counts, statistics.

Nobody but the fold (`app.maintenance.fold`) writes the counts and the buckets. Whoever changes a
task only appends to `task_deltas`, by a trigger (`app.db.triggers`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp

# Counts and series of all tasks together, system tasks included, stand under this owner.
EVERYBODY = uuid.UUID(int=0)

# One row for each change of a status, or one for many alike. No key and no index: it is written
# by every transaction, read whole and emptied all the time.
TaskDelta = Table(
    "task_deltas",
    Base.metadata,
    Column("user_id", Uuid()),
    # NULL where only the number of rows changes: removals.
    Column("task_type", Text()),
    Column("celery_task_name", Text()),
    Column("queue", Text()),
    # Status before and after; NULL where the row did not exist.
    Column("was", Text()),
    Column("now", Text()),
    Column("number", Integer(), nullable=False),
    # Of new rows, to the hour on PostgreSQL.
    Column("created_at", Timestamp()),
    # Of an attempt that has ended.
    Column("ready_at", Timestamp()),
    Column("started_at", Timestamp()),
    # Of a task that has finished.
    Column("completed_at", Timestamp()),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0",
        "autovacuum_vacuum_threshold": "5000",
        "autovacuum_vacuum_cost_delay": "0",
        "autovacuum_vacuum_insert_threshold": "-1",
        # Giving the end of the file back would need a lock that stops every writer of tasks.
        "vacuum_truncate": "false",
    },
)


class TaskCount(Base):
    """How many tasks of an owner there are: `active` (pending or running) and each final status."""

    __tablename__ = "task_counts"

    owner: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    status: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"postgresql_with": {"fillfactor": "70"}},)


class StatisticSeries(Base):
    """What buckets are kept for: one kind of task of one owner, or of everybody."""

    __tablename__ = "statistic_series"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    owner: Mapped[uuid.UUID] = mapped_column(Uuid)
    task_type: Mapped[str] = mapped_column(Text)
    celery_task_name: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("owner", "task_type", "celery_task_name", "queue"),)


class StatisticBucket(Base):
    """One series in one hour or one day (UTC): how often what happened, how long it took.

    `waits` and `runs` are histograms (`app.domain.histogram`), `runs` one for each final status.
    """

    __tablename__ = "statistic_buckets"

    series_id: Mapped[int] = mapped_column(
        ForeignKey("statistic_series.id", ondelete="CASCADE"), primary_key=True
    )
    unit: Mapped[str] = mapped_column(Text, primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    created: Mapped[int] = mapped_column(BigInteger)
    started: Mapped[int] = mapped_column(BigInteger)
    succeeded: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    revoked: Mapped[int] = mapped_column(BigInteger)
    waits: Mapped[list[int]] = mapped_column(JsonText)
    runs: Mapped[dict[str, Any]] = mapped_column(JsonText)

    __table_args__ = ({"postgresql_with": {"fillfactor": "60"}},)
