"""Attempts that ended while their task went on, and the lines that attempts logged.

The latest attempt is the task row itself; it is copied here when another one follows, so a
task that succeeds at once costs no second row.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text, Uuid, true
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class TaskAttempt(Base):
    """An attempt that was followed by another one."""

    __tablename__ = "task_attempts"

    task_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    celery_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    worker: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime] = mapped_column(Timestamp)
    outcome: Mapped[str] = mapped_column(Text)
    error: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    # Not one that was interrupted, or asked to run again later.
    failed: Mapped[bool] = mapped_column(default=True, server_default=true())


class TaskLog(Base):
    """A line that an attempt kept with its task. At most 1,000 an attempt."""

    __tablename__ = "task_logs"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    attempt: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    level: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_task_logs_task_id", "task_id", "id"),)
