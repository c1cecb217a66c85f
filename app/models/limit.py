"""Limits: how many tasks of a queue, a function or a key may run at once, and how often they start."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Float, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class LimitKind(StrEnum):
    """What a limit counts: the tasks of a queue, of a function, or of a `limit_key`."""

    QUEUE = "queue"
    TASK = "task"
    KEY = "key"


class Limit(Base):
    """A limit. Feeders lock those that two queues may share, in the order of their keys."""

    __tablename__ = "limits"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    # Of a key, one that ends in `*` is a limit for each key that begins so.
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    # Tasks handed out or running at a time; 0 lets none start.
    concurrency: Mapped[int | None] = mapped_column(Integer)
    # So many are handed out within so many seconds.
    rate_count: Mapped[int | None] = mapped_column(Integer)
    rate_seconds: Mapped[float | None] = mapped_column(Float)
    # NULL: the function's own `rate_limit`.
    updated_by: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        CheckConstraint("kind IN ('queue', 'task', 'key')", name="kind_known"),
        CheckConstraint("concurrency >= 0", name="concurrency_range"),
        CheckConstraint("rate_count > 0 AND rate_seconds > 0", name="rate_range"),
    )


class LimitUse(Base):
    """When tasks under a rate were handed out, as far back as the rate looks."""

    __tablename__ = "limit_uses"

    # Kind and name; of a limit for many keys, the key.
    bucket: Mapped[str] = mapped_column(Text, primary_key=True)
    # `[microseconds, tasks]` of each slot: `app.domain.limits`.
    slots: Mapped[list[list[int]]] = mapped_column(JsonText)
    # From then on it says nothing.
    over_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
