"""Idempotency keys of submissions."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class IdempotencyKey(Base):
    """`(owner, key)` answers with the same task, tasks or bulk operation for 24 hours.

    `owner` is the user's id as text, or `system`: NULL would not be unique.
    """

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    task_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    # Of a request that made many; such a key outlives them. Of an order about many: its operation.
    task_ids: Mapped[list[str] | None] = mapped_column(JsonText)
    created_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        Index("ix_idempotency_keys_created_at", "created_at"),
        Index("ix_idempotency_keys_task_id", "task_id"),
    )
