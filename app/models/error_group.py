"""Failures that are the same failure, counted once: notes not yet counted, failures, groups.

Whoever ends an attempt only appends to `failure_notes`, by a trigger (`app.db.triggers`). Nobody but
the grouping (`app.maintenance.grouping`) writes failures and the numbers of groups.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, Integer, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class FailureNote(Base):
    """An attempt that has failed, or, without `attempt`, the removal of a task that may have."""

    __tablename__ = "failure_notes"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    task_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    attempt: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_failure_notes_task_id", "task_id"),
        # Never the same number twice: two that group at once tell by it what the other has taken.
        {"sqlite_autoincrement": True},
    )


class TaskFailure(Base):
    """How many attempts of a task have failed in the same way, as far as they are counted."""

    __tablename__ = "task_failures"

    # `app.domain.fingerprint`
    fingerprint: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    # The task's owner once more, so that a user's tasks are found among everybody's.
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    number: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_task_failures_task_id", "task_id"),
        Index("ix_task_failures_user_id", "user_id", "fingerprint", "task_id"),
    )


class GroupState(StrEnum):
    """Whether somebody has said that the failure is dealt with, and it has not come back since."""

    OPEN = "open"
    RESOLVED = "resolved"


class ErrorGroup(Base):
    """The same failure in the tasks of one owner, or of everybody (`EVERYBODY`, which operators see).

    Each has a state of its own: what an owner has resolved, an operator need not have. It is open
    while `resolved_at` is NULL.
    """

    __tablename__ = "error_groups"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    owner: Mapped[uuid.UUID] = mapped_column(Uuid)
    fingerprint: Mapped[uuid.UUID] = mapped_column(Uuid)
    type: Mapped[str] = mapped_column(Text)
    celery_task_name: Mapped[str] = mapped_column(Text)
    frames: Mapped[list[str]] = mapped_column(JsonText)
    # Of the latest failure.
    message: Mapped[str] = mapped_column(Text)
    traceback: Mapped[str | None] = mapped_column(Text)
    last_task_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    # Failed attempts, and the tasks that they were attempts of, as far as those are still there.
    failures: Mapped[int] = mapped_column(BigInteger)
    tasks: Mapped[int] = mapped_column(BigInteger)
    first_seen_at: Mapped[datetime] = mapped_column(Timestamp)
    last_seen_at: Mapped[datetime] = mapped_column(Timestamp)
    resolved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    # When it came back after it had been resolved.
    regressed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    __table_args__ = (
        UniqueConstraint("owner", "fingerprint"),
        Index("ix_error_groups_last_seen", "owner", "last_seen_at", "id"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    @property
    def state(self) -> GroupState:
        """Whether it is open."""
        return GroupState.OPEN if self.resolved_at is None else GroupState.RESOLVED

    @property
    def regressed(self) -> bool:
        """Whether it is open because it has come back."""
        return self.regressed_at is not None
