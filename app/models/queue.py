"""Queues: the row that feeders lock, and whether the queue is paused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Timestamp


class Queue(Base):
    """A queue. Made at the first feed; a paused one is not fed and its marks are taken back."""

    __tablename__ = "queues"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_by: Mapped[str | None] = mapped_column(Text)
    # What the agents last saw: worker slots that serve the queue, and how many rows may be in
    # the broker at a time.
    slots: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    window: Mapped[int] = mapped_column(Integer, default=16, server_default="16")
    # Its feed has to mind limits or owners. True until a feed has found out that it need not, so that
    # a queue which is made while somebody makes a limit is not missed.
    regulated: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    # Tasks wait for a limit: whoever frees a slot has this queue fed.
    blocked: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
