"""Queues: the row that feeders lock, and whether the queue is paused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Timestamp


class Queue(Base):
    """A queue. Made at the first feed; a paused one is not fed and its marks are taken back."""

    __tablename__ = "queues"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_by: Mapped[str | None] = mapped_column(Text)
