"""The task: the row is the task, everything else is a hint about it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.lifecycle import TaskStatus

__all__ = ["Task", "TaskStatus", "TaskTag"]

_STATUSES = ", ".join(f"'{status.value}'" for status in TaskStatus)
_WAITING = text("status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL")
_NOT_READY = text("status = 'pending' AND rank IS NULL AND unmet_deps = 0")
_MARKED = text("status = 'pending' AND dispatched_at IS NOT NULL")
_RUNNING = text("status = 'running'")
_EXPIRING = text("status = 'pending' AND expires_at IS NOT NULL")
_ENDED = "(status = 'failed' OR status = 'revoked' OR status = 'succeeded')"
# Said so that only lists, which say it too, use these indexes on SQLite: for want of statistics it
# would take `status` for selective wherever it is compared.
_LISTED_ENDED = text("status <> 'pending' AND status <> 'running'")
_ACTIVE = text("status = 'pending' OR status = 'running'")
# Which tasks have their unique key to themselves; an INSERT that minds it says the same.
HOLDS_KEY = text("unique_key IS NOT NULL AND (status = 'pending' OR status = 'running')")


class Task(Base):
    """One accepted task.

    No index contains `lease_until`, `progress`, `version` or `updated_at`: a heartbeat or a
    progress report then stays a heap-only update on PostgreSQL.
    """

    __tablename__ = "tasks"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    task_type: Mapped[str] = mapped_column(Text)
    celery_task_name: Mapped[str] = mapped_column(Text)
    args: Mapped[list[Any]] = mapped_column(JsonText)
    kwargs: Mapped[dict[str, Any]] = mapped_column(JsonText)
    queue: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger)

    status: Mapped[str] = mapped_column(Text, default=TaskStatus.PENDING.value)
    reason: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    progress_message: Mapped[str | None] = mapped_column(Text)
    result: Mapped[Any] = mapped_column(JsonText, nullable=True)
    error: Mapped[dict[str, Any] | None] = mapped_column(JsonText)

    # The id under which the current or next hint is published, and the fence of the attempt
    # that claims it. Never used twice.
    celery_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    crash_count: Mapped[int] = mapped_column(Integer, default=0)
    max_attempts: Mapped[int] = mapped_column(Integer, default=1)
    requeue_on_interrupt: Mapped[bool] = mapped_column(default=False)
    # Its message may be claimed and settled as a whole: short, and fit to run again.
    burst: Mapped[bool] = mapped_column(default=False, server_default=false())
    time_limit: Mapped[float | None] = mapped_column(Float)
    soft_time_limit: Mapped[float | None] = mapped_column(Float)

    # NULL is a system task, seen by operators only.
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    owner_ref: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    # What it shows of its subtasks (`domain.subtasks`); NULL without any.
    subtasks: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    retry_of: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    # With whose it is: `services.uniqueness`.
    unique_key: Mapped[str | None] = mapped_column(Text)
    # What a limit of kind `key` counts it under.
    limit_key: Mapped[str | None] = mapped_column(Text)
    # Its place in the trace of what submitted it (`core.tracing`); NULL without one. Shown to nobody.
    trace_context: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JsonText, default=list)
    # NULL is none. Once more in `task_dependencies`, one a row, where they are looked up.
    depends_on: Mapped[list[str] | None] = mapped_column(JsonText)
    on_dependency_failure: Mapped[str] = mapped_column(Text, default="fail", server_default="fail")
    unmet_deps: Mapped[int] = mapped_column(Integer, default=0)
    # Tasks depend on this one that have not been told how it ended.
    awaited: Mapped[bool] = mapped_column(default=False, server_default=false())

    scheduled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # When the row may run. Its rank is set once that moment has come, never before.
    ready_at: Mapped[datetime] = mapped_column(Timestamp)
    rank: Mapped[int | None] = mapped_column(BigInteger)
    # Where it waits for its turn if others may pass it: see `app.regulation`. Empty is with everybody.
    lane: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    # The mark: a hint with the current celery_id is, or is about to be, in the broker.
    dispatched_at: Mapped[datetime | None] = mapped_column(Timestamp)
    dispatched_priority: Mapped[int | None] = mapped_column(SmallInteger)
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    completed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)
    lease_until: Mapped[datetime | None] = mapped_column(Timestamp)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(Timestamp)
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    # Receipts of a stop: when the attempt learned of it, and what ended it
    # (cooperative, soft, forced).
    cancel_acknowledged_at: Mapped[datetime | None] = mapped_column(Timestamp)
    stopped_by: Mapped[str | None] = mapped_column(Text)
    delete_requested_at: Mapped[datetime | None] = mapped_column(Timestamp)
    worker: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status_known"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        CheckConstraint("progress >= 0 AND progress <= 100", name="progress_range"),
        Index(
            "ix_tasks_waiting",
            "queue",
            "lane",
            "rank",
            "id",
            postgresql_where=_WAITING,
            sqlite_where=_WAITING,
        ),
        Index(
            "ix_tasks_not_ready", "ready_at", postgresql_where=_NOT_READY, sqlite_where=_NOT_READY
        ),
        Index(
            "ix_tasks_marked",
            "queue",
            "dispatched_priority",
            postgresql_where=_MARKED,
            sqlite_where=_MARKED,
        ),
        Index("ix_tasks_running", "worker", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
        Index(
            "ix_tasks_expiring", "expires_at", postgresql_where=_EXPIRING, sqlite_where=_EXPIRING
        ),
        # Holds the due rows alone: with the unfinished in it too, PostgreSQL would rather read the
        # table as soon as many are awaited.
        Index(
            "ix_tasks_due",
            "completed_at",
            postgresql_where=text(f"awaited AND {_ENDED}"),
            sqlite_where=text(f"awaited = 1 AND {_ENDED}"),
        ),
        Index(
            "ix_tasks_deleting",
            "id",
            postgresql_where=text("delete_requested_at IS NOT NULL"),
            sqlite_where=text("delete_requested_at IS NOT NULL"),
        ),
        Index(
            "ix_tasks_unique_key",
            "unique_key",
            unique=True,
            postgresql_where=HOLDS_KEY,
            sqlite_where=HOLDS_KEY,
        ),
        # Lists by status. What is not in here is in `task_entries`, which is not written to when a
        # task starts or ends.
        Index("ix_tasks_active", "user_id", "id", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
        Index(
            "ix_tasks_ended",
            "status",
            "id",
            postgresql_where=_LISTED_ENDED,
            sqlite_where=_LISTED_ENDED,
        ),
        Index(
            "ix_tasks_ended_of_owner",
            "user_id",
            "status",
            "id",
            postgresql_where=_LISTED_ENDED,
            sqlite_where=_LISTED_ENDED,
        ),
        Index(
            "ix_tasks_parent",
            "parent_id",
            "id",
            postgresql_where=text("parent_id IS NOT NULL"),
            sqlite_where=text("parent_id IS NOT NULL"),
        ),
        Index(
            "ix_tasks_retry_of",
            "retry_of",
            postgresql_where=text("retry_of IS NOT NULL"),
            sqlite_where=text("retry_of IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"}},
    )


class TaskTag(Base):
    """A task's tags once more, one a row, so that filtering by tag has an index."""

    __tablename__ = "task_tags"

    tag: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index("ix_task_tags_task_id", "task_id"),)
