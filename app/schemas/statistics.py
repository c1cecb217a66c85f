"""Statistics and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.schemas.common import Answer


class Spread(Answer):
    """Durations, in seconds. A percentile is right to a sixteenth of itself, or to 0.5 ms."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None


class Line(Answer):
    """What happened in some span of time."""

    group: str | None = Field(description="Null: everything.")
    begins_at: datetime
    seconds: float = Field(description="Length of the time, as far as it has passed.")
    created: int = Field(description="Tasks created.")
    started: int = Field(description="Attempts started.")
    finished: int = Field(description="Tasks finished, however they did.")
    succeeded: int
    failed: int
    revoked: int
    failure_rate: float | None = Field(description="Failed among those not revoked; 0 to 1.")
    per_second: float = Field(description="Tasks finished each second.")
    wait: Spread = Field(description="From ready to the start, of every attempt.")
    run: Spread = Field(description="Run time of the attempts that finished their task.")


class Statistics(Answer):
    """Whole buckets; those in which nothing happened are left out."""

    begins_at: datetime
    ends_at: datetime
    bucket: Literal["hour", "day"] = Field(description="In UTC.")
    group_by: Literal["task_type", "celery_task_name", "queue", "status"] | None
    as_of: datetime = Field(description="When it was read; it is a few seconds behind.")
    total: Line
    groups: list[Line] = Field(description="Largest first.")
    points: list[Line] = Field(description="By time, and by group if there are any.")


class ReportKind(Answer):
    """A report that can be asked for."""

    kind: str
    title: str
    description: str


class Report(ReportKind):
    """The statistics that the report shows."""

    statistics: Statistics
