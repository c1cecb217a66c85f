"""Why a task is not running."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.lifecycle import TaskStatus
from app.schemas.common import Answer

_EXAMPLE: dict[str, JsonValue] = {
    "task_id": "01a20e62-5c01-77fa-b45b-507bb0619966",
    "status": "pending",
    "asked_at": "2030-01-31T08:00:15Z",
    "reasons": [
        {
            "code": "queue_paused",
            "sentence": "The queue default is paused since 2030-01-31 07:59:00 UTC, by "
            "operator@example.org",
            "cure": "An operator resumes it: taskctl queues resume default, or "
            "POST /api/v1/queues/default/resume",
            "data": {
                "queue": "default",
                "paused_at": "2030-01-31T07:59:00Z",
                "paused_by": "operator@example.org",
            },
        }
    ],
}


class ExplanationReason(Answer):
    """One reason why a task is not running."""

    code: str = Field(description="Stable; see the API guide for all of them.")
    sentence: str = Field(description="For people, in English.")
    cure: str = Field(description="What takes the reason away.")
    data: dict[str, Any] = Field(description="What the sentence says, to say it in other words.")


class Explanation(Answer):
    """Why a task is not running now, or where it runs, or how it ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    task_id: UUID
    status: TaskStatus
    asked_at: datetime
    reasons: list[ExplanationReason] = Field(
        description="All that hold, in the order in which they have to go; at least one."
    )
