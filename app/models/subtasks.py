"""Changes of subtasks that their parents do not show yet."""

from __future__ import annotations

import uuid

from sqlalchemy import BigInteger, Integer, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class SubtaskDelta(Base):
    """Changes of status or progress, mostly of one subtask; appended by a trigger (`app.db.triggers`).

    Nobody but the roll-up (`app.maintenance.rollup`) reads them and writes `Task.subtasks`.
    """

    __tablename__ = "subtask_deltas"

    # In the order in which they came: a subtask is there before it changes.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    parent_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    # Status before and after; NULL where the row did not exist.
    was: Mapped[str | None] = mapped_column(Text)
    now: Mapped[str | None] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    # By how much they have come further, in hundredths of a percent (`app.domain.subtasks`).
    done: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        {
            # Never the same number twice.
            "sqlite_autoincrement": True,
            # It is emptied all the time, and what is dead is stepped over until it is cleaned away.
            "postgresql_with": {
                "autovacuum_vacuum_scale_factor": "0",
                "autovacuum_vacuum_threshold": "5000",
                "autovacuum_vacuum_cost_delay": "0",
                "autovacuum_vacuum_insert_threshold": "-1",
                "vacuum_truncate": "false",
            },
        },
    )
