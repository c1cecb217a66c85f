"""What has ever happened, added up: read by `/metrics`, which must not count tasks each time.

The fold writes `queue_totals` in the transaction that takes changes out of `task_deltas`; agents add to
`system_counters` with their heartbeats. Neither is ever reduced.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText


class QueueTotal(Base):
    """Everything that has happened in a queue: the columns of `domain.figures.Figures`."""

    __tablename__ = "queue_totals"

    queue: Mapped[str] = mapped_column(Text, primary_key=True)
    created: Mapped[int] = mapped_column(BigInteger)
    started: Mapped[int] = mapped_column(BigInteger)
    succeeded: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    revoked: Mapped[int] = mapped_column(BigInteger)
    waits: Mapped[list[int]] = mapped_column(JsonText)
    runs: Mapped[dict[str, Any]] = mapped_column(JsonText)

    __table_args__ = ({"postgresql_with": {"fillfactor": "60"}},)


class SystemCounter(Base):
    """How often something has happened; names and labels are those of `domain.counters`."""

    __tablename__ = "system_counters"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"postgresql_with": {"fillfactor": "60"}},)
