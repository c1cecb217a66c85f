"""Which parts the names of tasks have, block by block, so that a rare one is found without reading all.

Whoever makes or renames a task only appends to `name_notes`, by a trigger (`app.db.triggers`).
Nobody but the naming (`app.maintenance.naming`) writes segments and marks.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp

# A task whose name may not be marked yet. No key and no index: it is written by every submission
# and emptied all the time.
NameNote = Table(
    "name_notes",
    Base.metadata,
    Column("task_id", Uuid(), nullable=False),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0",
        "autovacuum_vacuum_threshold": "5000",
        "autovacuum_vacuum_cost_delay": "0",
        "autovacuum_vacuum_insert_threshold": "-1",
        # Giving the end of the file back would need a lock that stops every writer of tasks.
        "vacuum_truncate": "false",
    },
)


class NameSegment(Base):
    """The tasks behind the segment before, up to `last_id`, in blocks; NULL while it is being made.

    `ends` has the last id of each block. A task that is made or renamed later belongs to the block
    in which its id falls.
    """

    __tablename__ = "name_segments"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    begun_at: Mapped[datetime] = mapped_column(Timestamp)
    last_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    ends: Mapped[list[str] | None] = mapped_column(JsonText)

    # Never the same number twice: whoever was interrupted cannot write into somebody else's.
    __table_args__ = ({"sqlite_autoincrement": True},)


class NameMark(Base):
    """In which blocks of a segment names have a part of that number (`app.domain.grams`): one bit each.

    A bit too many costs a look at the block; one too few would hide a task.
    """

    __tablename__ = "name_marks"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("name_segments.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    blocks: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"sqlite_with_rowid": False},)
