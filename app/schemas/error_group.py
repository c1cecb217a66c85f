"""Error groups as they go out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import Answer


class ErrorGroup(Answer):
    """The same failure, counted once. The numbers follow what happens by a few seconds."""

    id: UUID
    type: str = Field(description="Of the error: an exception's name, or such as `timeout`.")
    celery_task_name: str
    message: str = Field(description="Of the latest failure.")
    frames: list[str] = Field(
        description="`file:function` of the traceback, outermost first, each once."
    )
    state: Literal["open", "resolved"]
    failures: int = Field(description="Attempts that failed so, of tasks that are still there.")
    tasks: int = Field(description="How many tasks those are.")
    first_seen_at: datetime
    last_seen_at: datetime
    last_task_id: UUID = Field(description="The task of the latest failure.")
    resolved_at: datetime | None
    resolved_by: str | None
    regressed: bool = Field(description="It came back after it had been resolved.")
    regressed_at: datetime | None


class ErrorGroupDetail(ErrorGroup):
    """An error group with a traceback."""

    traceback: str | None = Field(description="Of the latest failure.")


class RefusedRetry(Answer):
    """A task that cannot run again, and why."""

    task_id: UUID
    detail: str


class ErrorGroupRetry(Answer):
    """What became of a request to run a group's tasks again."""

    ids: list[UUID] = Field(description="The new tasks; `retry_of` is the failed one.")
    refused: list[RefusedRetry]
    left: int = Field(
        description="Still failed and not run again, those refused included; counted up to 100,000."
    )
