"""Orders about many tasks, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, computed_field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.bulk import REASONS, BulkAction, BulkOutcome, BulkStatus
from app.domain.lifecycle import TaskStatus
from app.schemas.common import (
    Answer,
    FunctionName,
    Id,
    Line,
    OwnerRef,
    Priority,
    QueueName,
    Request,
    Tag,
    TaskType,
    Time,
)
from app.schemas.task import Task

MAX_IDS = 10_000

_EXAMPLE: dict[str, JsonValue] = {
    "filter": {"status": ["failed"], "queue": "default", "created_before": "2030-01-31T08:00:00Z"},
    "dry_run": True,
}
_NO_CONDITION = "Give at least one condition: without any it would be every task there is"
_ONE_OF_TWO = "Give ids or filter, one of the two"
Status = Annotated[TaskStatus, Field(strict=False)]


class BulkFilter(Request):
    """Which tasks: the filters of the list, all of which have to hold."""

    status: Annotated[list[Status], Field(min_length=1, max_length=len(TaskStatus))] | None = None
    task_type: TaskType | None = None
    celery_task_name: FunctionName | None = None
    queue: QueueName | None = None
    priority: Priority | None = None
    tag: Tag | None = None
    owner_ref: OwnerRef | None = None
    parent_id: Id | None = None
    q: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Part of the name."
    )
    created_after: Time | None = Field(None, description="From this time on.")
    created_before: Time | None = Field(None, description="Before this time.")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.conditions():
            raise PydanticCustomError("empty", _NO_CONDITION)
        return self

    def conditions(self) -> dict[str, Any]:
        """Those that are given."""
        return {name: value for name, value in self if value is not None}


class BulkOrder(Request):
    """Which tasks: `ids`, or `filter`. With `dry_run` nothing is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_IDS)] | None = None
    filter: BulkFilter | None = None
    dry_run: bool = Field(False, description="Only count the tasks, and show some of them.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("selection", _ONE_OF_TWO)
        return self


class BulkPreview(Answer):
    """What a bulk operation would be about."""

    total: int = Field(description="Tasks that there are; ids of unknown ones do not count.")
    sample: list[Task] = Field(description="The newest of them, at most 10.")


class BulkOperation(Answer):
    """An order about many tasks, which were chosen when it was given, and how far it has come."""

    id: UUID
    action: BulkAction
    status: BulkStatus
    filter: dict[str, Any] | None = Field(description="As it was given; null where ids were.")
    user_id: UUID = Field(description="Who has given the order.")
    total: int = Field(description="How many tasks it is about.")
    done: int = Field(description="How many of them have had their turn.")
    outcomes: dict[str, int] = Field(description="How many of those had each outcome.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class BulkItem(Answer):
    """What came of it for one task."""

    task_id: UUID
    outcome: BulkOutcome | None = Field(description="Null: it has not had its turn.")
    detail: str | None = Field(exclude=True)
    new_task_id: UUID | None = Field(description="The new task of one that was retried.")

    @computed_field(description="Why nothing was done to it.")  # type: ignore[prop-decorator]
    @property
    def reason(self) -> str | None:
        if self.detail is not None or self.outcome is None:
            return self.detail
        return REASONS.get(self.outcome)
