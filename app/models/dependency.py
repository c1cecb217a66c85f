"""Which task waits for which."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, Index, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class TaskDependency(Base):
    """One edge: `task_id` starts after `needs_id` has finished.

    `needs_id` is no foreign key: a task whose dependency is gone has to learn of it and must not
    lose the edge.
    """

    __tablename__ = "task_dependencies"

    task_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    needs_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    # How the dependency ended has been taken into account.
    told: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        Index("ix_task_dependencies_needs", "needs_id", "task_id"),
        Index(
            "ix_task_dependencies_untold",
            "needs_id",
            "task_id",
            postgresql_where=text("NOT told"),
            sqlite_where=text("told = 0"),
        ),
    )
