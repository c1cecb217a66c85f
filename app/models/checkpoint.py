"""What a task has kept for its next attempt."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class TaskCheckpoint(Base):
    """The latest state that an attempt of the task has kept, and which attempt that was.

    A table of its own: a task that keeps none has no wider row, and one that does leaves the row
    that everybody claims, settles and lists as it is.
    """

    __tablename__ = "task_checkpoints"

    task_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(Integer)
    written_at: Mapped[datetime] = mapped_column(Timestamp)
    state: Mapped[Any] = mapped_column(JsonText)
