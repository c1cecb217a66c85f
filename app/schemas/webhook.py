"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from app.domain.addresses import MAX_URL
from app.domain.webhook import DeliveryStatus, WebhookEvent
from app.schemas.common import Answer, FunctionName, QueueName, Request, Tag, TaskType

_EXAMPLE: dict[str, JsonValue] = {
    "url": "https://example.com/hooks/tasks",
    "events": ["task.failed", "task.revoked"],
    "filter": {"queue": "default"},
}

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
Event = Annotated[WebhookEvent, Field(strict=False)]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(WebhookEvent))]


class WebhookFilter(Request):
    """Which tasks: all of what is given has to be so."""

    task_type: TaskType | None = None
    celery_task_name: FunctionName | None = None
    queue: QueueName | None = None
    tag: Tag | None = None

    def conditions(self) -> dict[str, str]:
        """Those that are given."""
        return self.model_dump(exclude_none=True)


class WebhookCreate(Request):
    """A URL to call when tasks end."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    url: Url = Field(description="https, and a public address unless the configuration says else.")
    events: Events = Field(
        default_factory=lambda: list(WebhookEvent), description="Default: all three."
    )
    filter: WebhookFilter = Field(default_factory=WebhookFilter)
    scope: Literal["own", "all"] = Field(
        "own", description="Your own tasks, or, for operators, everybody's."
    )
    active: StrictBool = True


class WebhookPatch(Request):
    """What is to change; what is not named stays."""

    url: Url | None = None
    events: Events | None = None
    filter: WebhookFilter | None = Field(None, description="As a whole; `{}` is every task.")
    active: StrictBool | None = Field(
        None, description="true also makes one that was disabled begin anew."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.changes():
            raise PydanticCustomError("empty", "Give at least one of url, events, filter, active")
        return self

    def changes(self) -> dict[str, Any]:
        """What is named."""
        given = {name: value for name, value in self if value is not None}
        if self.filter is not None:
            given["filter"] = self.filter.conditions()
        return given


class Webhook(Answer):
    """A URL that is called when tasks end."""

    id: UUID
    url: str
    events: list[WebhookEvent]
    filter: dict[str, str]
    scope: Literal["own", "all"]
    active: bool
    disabled_reason: str | None = Field(description="Why the system has made it inactive.")
    failing_since: datetime | None = Field(
        description="Nothing has succeeded since this failure; null after a success."
    )
    previous_until: datetime | None = Field(
        description="Until then it is signed with the secret from before the rotation as well."
    )
    user_id: UUID
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="`whsec_...`: with it the receiver checks the signature.")


class Delivery(Answer):
    """One event for one webhook, and what came of the last attempt."""

    id: UUID
    webhook_id: UUID
    type: str = Field(description="An event, or `webhook.ping`.")
    message_id: str = Field(description="The header `webhook-id`; the same at each attempt.")
    task_id: UUID | None
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime = Field(
        description="When it is due, if it is pending; else of no meaning."
    )
    last_attempt_at: datetime | None
    response_status: int | None
    response_body: str | None = Field(description="The beginning, at most 1,024 bytes.")
    error: str | None
    created_at: datetime


class DeliveryDetail(Delivery):
    """A delivery with what is sent."""

    payload: dict[str, Any]
