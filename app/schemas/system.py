"""Task types, queues, workers and health."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.common import Answer


class TaskType(Answer):
    """A registered function."""

    name: str
    description: str
    queue: str
    parameters: dict[str, Any] = Field(description="JSON Schema of what it takes.")
    max_attempts: int
    time_limit: float | None = Field(description="Seconds; null is the system's default.")
    soft_time_limit: float | None


class Depth(Answer):
    """Waiting tasks by priority."""

    critical: int = 0
    high: int = 0
    normal: int = 0
    low: int = 0


class Queue(Answer):
    """A queue as the database knows it; the broker holds only a window of it."""

    name: str
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    depth: int = Field(description="Tasks that are ready and wait for a worker.")
    depth_by_priority: Depth
    dispatched: int = Field(description="Those of them that have been handed to the broker.")
    scheduled: int = Field(description="Pending tasks whose time has not come.")
    running: int
    oldest_wait_seconds: float | None = Field(
        description="How long the task that has been ready longest has waited."
    )
    workers: int = Field(description="Live workers that serve it.")


class Worker(Answer):
    """A worker as it last described itself."""

    name: str
    host: str
    pid: int
    pool: str
    queues: list[str]
    slots: int
    running: list[str] = Field(description="Ids of the tasks it works on.")
    live: bool = Field(description="Whether its last heartbeat is fresh.")
    stopping: bool
    version: str
    catalogue_hash: str
    catalogue_matches: bool = Field(description="Whether it knows the same functions as this API.")
    cpu_percent: float
    memory_bytes: int
    started_at: datetime
    heartbeat_at: datetime


class Check(Answer):
    """One thing that health depends on."""

    status: Literal["ok", "degraded", "failed"]
    detail: str


class Health(Answer):
    """`ok`; `degraded`: works, but something is missing; `failed`: cannot do its work."""

    status: Literal["ok", "degraded", "failed"]
    reasons: list[str]
    checks: dict[str, Check]


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str
