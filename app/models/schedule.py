"""Schedules and their firings."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class Schedule(Base):
    """One schedule. `source` is `static` for entries of `beat_schedule`.

    `definition` is what decides when it fires; when it changes, `next_fire` is computed anew.
    """

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    definition: Mapped[dict[str, Any]] = mapped_column(JsonText)
    next_fire: Mapped[datetime | None] = mapped_column(Timestamp)
    last_fire: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)

    __table_args__ = (Index("ix_schedules_next_fire", "next_fire"),)


class ScheduleFire(Base):
    """A slot that fired. Its key is what makes a slot fire once, however many beats run."""

    __tablename__ = "schedule_fires"

    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    fire_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    fired_at: Mapped[datetime] = mapped_column(Timestamp)
