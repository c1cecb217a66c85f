"""Bulk operations: orders about many tasks, and what came of each task."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.bulk import BulkAction, BulkStatus

_ACTIONS = ", ".join(f"'{action.value}'" for action in BulkAction)
_STATUSES = ", ".join(f"'{status.value}'" for status in BulkStatus)
_RUNNING = text("status = 'running'")


class BulkOperation(Base):
    """One order. Its tasks are chosen in the transaction that makes the row, and stay the same."""

    __tablename__ = "bulk_operations"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    # Who has ordered it, and whose tasks it may touch; NULL is everybody's.
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    owner: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    action: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    # The filter as it was given; NULL where ids were.
    filter: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    # How many tasks had each outcome, and the last one that has one.
    outcomes: Mapped[dict[str, int]] = mapped_column(JsonText)
    reached: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    __table_args__ = (
        CheckConstraint(f"action IN ({_ACTIONS})", name="action_known"),
        CheckConstraint(f"status IN ({_STATUSES})", name="status_known"),
        Index("ix_bulk_operations_user_id", "user_id", "id"),
        Index("ix_bulk_operations_ended_at", "ended_at"),
        Index(
            "ix_bulk_operations_running",
            "updated_at",
            postgresql_where=_RUNNING,
            sqlite_where=_RUNNING,
        ),
    )


class BulkItem(Base):
    """One task of an operation. It stays when the task goes; no outcome yet is NULL."""

    __tablename__ = "bulk_items"

    operation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bulk_operations.id", ondelete="CASCADE"), primary_key=True
    )
    task_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    outcome: Mapped[str | None] = mapped_column(Text)
    # Why it was refused, where the outcome does not say it.
    detail: Mapped[str | None] = mapped_column(Text)
    new_task_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
