"""What lists are filtered by, once more: a narrow row for each task that hardly ever changes."""

from __future__ import annotations

import uuid

from sqlalchemy import Index, SmallInteger, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class TaskEntry(Base):
    """One task as lists look for it. Nobody but triggers (`app.db.triggers`) writes it.

    Beside the task and not in it: a task's row is written anew several times, and each time into
    every index of its table, these six among them.
    """

    __tablename__ = "task_entries"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    task_type: Mapped[str] = mapped_column(Text)
    celery_task_name: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger)
    owner_ref: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        # Ids are UUIDv7: each of these is in the order of creation.
        Index("ix_task_entries_user_id", "user_id", "id"),
        Index("ix_task_entries_task_type", "task_type", "id"),
        Index("ix_task_entries_celery_task_name", "celery_task_name", "id"),
        Index("ix_task_entries_queue", "queue", "id"),
        Index("ix_task_entries_priority", "priority", "id"),
        Index(
            "ix_task_entries_owner_ref",
            "owner_ref",
            "id",
            postgresql_where=text("owner_ref IS NOT NULL"),
            sqlite_where=text("owner_ref IS NOT NULL"),
        ),
    )
