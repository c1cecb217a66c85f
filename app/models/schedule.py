"""Schedules, and what became of their slots."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.schedule import Misfire, Overlap, Source
from app.models.statistics import EVERYBODY

_FIRES = text("paused_at IS NULL AND next_fire IS NOT NULL")


def _among(column: str, values: type[Source] | type[Overlap] | type[Misfire]) -> str:
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"


class Schedule(Base):
    """One schedule. Those of the code (`source` is `static`) belong to `EVERYBODY`.

    `definition` is what decides when it fires (`app.domain.cron`); when it changes, `next_fire` is
    computed anew. NULL: it fires no more.
    """

    __tablename__ = "schedules"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    owner: Mapped[uuid.UUID] = mapped_column(Uuid)
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    definition: Mapped[dict[str, Any]] = mapped_column(JsonText)
    celery_task_name: Mapped[str] = mapped_column(Text)
    # The other fields of the submission, as far as they are given. Beats fire those of the code by
    # the code; there it is for people.
    task: Mapped[dict[str, Any]] = mapped_column(JsonText)
    overlap: Mapped[str] = mapped_column(Text)
    misfire: Mapped[str] = mapped_column(Text)
    next_fire: Mapped[datetime | None] = mapped_column(Timestamp)
    last_fire: Mapped[datetime | None] = mapped_column(Timestamp)
    last_task_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)
    # Counts what people change, not what fires.
    version: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        CheckConstraint(_among("source", Source), name="source_known"),
        CheckConstraint(_among("overlap", Overlap), name="overlap_known"),
        CheckConstraint(_among("misfire", Misfire), name="misfire_known"),
        UniqueConstraint("owner", "name"),
        Index("ix_schedules_owner", "owner", "id"),
        Index("ix_schedules_next_fire", "next_fire", postgresql_where=_FIRES, sqlite_where=_FIRES),
    )

    @property
    def user_id(self) -> uuid.UUID | None:
        """Who has made it; None: it stands in the code."""
        return None if self.owner == EVERYBODY else self.owner


class ScheduleFire(Base):
    """What became of a slot. Its key is what makes a slot fire once, however many beats run.

    One that made no task has a reason instead (`app.domain.schedule.Skipped`); one that was missed
    stands for all from then to before `until`.
    """

    __tablename__ = "schedule_fires"

    # Of one that may be gone: its history can be long, and goes with time.
    schedule_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    fire_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    # A firing that somebody asked for must not pass for that of a slot at the same moment.
    trigger: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    reason: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    until: Mapped[datetime | None] = mapped_column(Timestamp)
    fired_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (Index("ix_schedule_fires_fired_at", "fired_at"),)
