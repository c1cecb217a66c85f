"""What is alive: workers, the duties their agents share, and how long functions run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp


class Worker(Base):
    """One Celery parent, as its agent last described it. Live while `heartbeat_at` is fresh."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int] = mapped_column(Integer)
    pool: Mapped[str] = mapped_column(Text)
    queues: Mapped[list[str]] = mapped_column(JsonText)
    slots: Mapped[int] = mapped_column(Integer)
    running: Mapped[list[str]] = mapped_column(JsonText)
    version: Mapped[str] = mapped_column(Text)
    catalogue_hash: Mapped[str] = mapped_column(Text)
    catalogue: Mapped[list[Any]] = mapped_column(JsonText)
    cpu_percent: Mapped[float] = mapped_column(Float)
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    heartbeat_at: Mapped[datetime] = mapped_column(Timestamp)
    stopping: Mapped[bool] = mapped_column(default=False)


class Duty(Base):
    """A job of which one agent at a time has charge, under a lease."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    holder: Mapped[str] = mapped_column(Text)
    lease_until: Mapped[datetime] = mapped_column(Timestamp)


class TaskRuntime(Base):
    """How long a function's attempts ran lately; what feed knows before it makes a slice."""

    __tablename__ = "task_runtimes"

    celery_task_name: Mapped[str] = mapped_column(Text, primary_key=True)
    samples: Mapped[int] = mapped_column(Integer)
    mean_seconds: Mapped[float] = mapped_column(Float)
    peak_seconds: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)
