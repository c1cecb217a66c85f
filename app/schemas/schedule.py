"""Schedules as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from app.core import sensitive
from app.domain import cron, wording
from app.domain.lifecycle import TaskStatus
from app.domain.retry import MAX_ATTEMPTS
from app.domain.schedule import Kind, Misfire, Overlap, Skipped, Source, Trigger
from app.models import Schedule as ScheduleRow
from app.schemas.common import (
    Answer,
    FunctionName,
    Line,
    Name,
    Named,
    OwnerRef,
    Priority,
    QueueName,
    Request,
    Seconds,
    TaskType,
    Time,
)
from app.schemas.task import Tags
from app.services.firing import TASK_TYPE
from app.services.planning import FIELDS, fields_of

# Of the slots to come.
SHOWN_SLOTS = 5
_EXAMPLE: dict[str, JsonValue] = {
    "name": "Nightly figures",
    "kind": "cron",
    "cron": "30 3 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "celery_task_name": "app.tasks.common_tasks.long_running_task",
    "args": [60],
    "overlap": "skip",
}
_NEVER_NULL = (
    "name", "kind", "celery_task_name", "task_type", "args", "kwargs", "priority", "tags",
    "overlap", "misfire",
)  # fmt: skip

Cron = Annotated[Named, Field(min_length=1, max_length=500)]
Zone = Annotated[Line, Field(min_length=1, max_length=100)]
Interval = Annotated[int, Field(ge=-(2**53), le=2**53)]
_KindIn = Annotated[Kind, Field(strict=False)]
_OverlapIn = Annotated[Overlap, Field(strict=False)]
_MisfireIn = Annotated[Misfire, Field(strict=False)]


class _Optional(Request):
    """What a schedule need not say, and a change may take away."""

    cron: Cron | None = Field(
        None, description="Minute, hour, day of month, month, day of week; of the kind `cron`."
    )
    timezone: Zone | None = Field(None, description="Of a cron; default CELERY_TIMEZONE.")
    interval_seconds: Interval | None = Field(
        None, description="Whole seconds, at least 10; of the kind `interval`."
    )
    at: Time | None = Field(None, description="The only slot, of the kind `once`.")
    start_at: Time | None = Field(
        None, description="No slot is before it; an interval counts from it, else from now."
    )
    end_at: Time | None = Field(None, description="No slot is after it.")
    queue: QueueName | None = Field(None, description="Default: the function's own.")
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    time_limit: Seconds | None = None
    soft_time_limit: Seconds | None = None
    owner_ref: OwnerRef | None = None
    expires_in: Seconds | None = Field(
        None, description="A task that has not started so many seconds after the firing is revoked."
    )


class ScheduleCreate(_Optional):
    """When to fire, and which task each firing makes, as in a submission."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name = Field(description="Of the schedule and its tasks; a user has each name once.")
    kind: _KindIn
    celery_task_name: FunctionName = Field(description="One of /api/v1/task-types.")
    task_type: TaskType = TASK_TYPE
    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = 2
    tags: Tags = Field(default_factory=list)
    overlap: _OverlapIn = Field(
        Overlap.ALLOW, description="`skip`: no new task while the last one has not finished."
    )
    misfire: _MisfireIn = Field(
        Misfire.RUN_ONCE,
        description="Slots that were missed, because it was paused or no beat ran, fire once "
        "together, or not at all.",
    )
    paused: StrictBool = False


class SchedulePatch(_Optional):
    """A change; what is left out stays. `null` takes away what a schedule need not say."""

    name: Name | None = None
    kind: _KindIn | None = None
    celery_task_name: FunctionName | None = None
    task_type: TaskType | None = None
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    priority: Priority | None = None
    tags: Tags | None = None
    overlap: _OverlapIn | None = None
    misfire: _MisfireIn | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty_patch", "The body changes nothing")
        for name in _NEVER_NULL:
            if name in self.model_fields_set and getattr(self, name) is None:
                raise PydanticCustomError("null", "{name} must not be null", {"name": name})
        return self

    def changes(self) -> dict[str, Any]:
        """What was given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Description(Answer):
    """When it fires, in words. Unusual patterns are shown field by field."""

    en: str
    zh: str


class Schedule(Answer):  # type: ignore[no-redef] # mypy's plugin thinks of **kwargs
    """A schedule. Fields of the task are null where the function's own hold."""

    id: UUID
    name: str
    source: Source = Field(description="`static`: it stands in the code, in `beat_schedule`.")
    user_id: UUID | None = Field(description="Whose it is, and whose its tasks are.")
    kind: Kind
    cron: str | None
    timezone: str | None
    interval_seconds: float | None
    at: datetime | None
    start_at: datetime | None
    end_at: datetime | None
    description: Description
    celery_task_name: str
    task_type: str
    args: list[Any]
    kwargs: dict[str, Any]
    priority: int
    queue: str | None
    tags: list[str]
    max_attempts: int | None
    time_limit: float | None
    soft_time_limit: float | None
    owner_ref: str | None
    expires_in: float | None
    overlap: Overlap
    misfire: Misfire
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    next_fire_at: datetime | None = Field(description="Null: it is paused, or fires no more.")
    last_fire_at: datetime | None = Field(description="The last slot that made a task.")
    last_task_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, row: ScheduleRow) -> Self:
        """The schedule of a row."""
        return cls(**_fields(row))


class ScheduleDetail(Schedule):  # type: ignore[no-redef] # mypy's plugin thinks of **kwargs
    """A schedule with the slots to come."""

    next_fires: list[datetime] = Field(description="The next five, none while it is paused.")

    @classmethod
    def of(cls, row: ScheduleRow) -> Self:
        """The schedule of a row."""
        fields = _fields(row)
        slots = cron.upcoming(row.definition, fields["next_fire_at"], SHOWN_SLOTS)
        return cls(**fields, next_fires=slots)


def _fields(row: ScheduleRow) -> dict[str, Any]:
    task: dict[str, Any] = {"task_type": TASK_TYPE, "args": [], "kwargs": {}, "priority": 2}
    task |= {"tags": [], **row.task}
    args, kwargs = sensitive.hide(row.celery_task_name, task["args"], task["kwargs"])
    optional = dict.fromkeys((*FIELDS, *_Optional.model_fields))
    columns = (
        "id", "name", "source", "user_id", "celery_task_name", "overlap", "misfire", "paused_at",
        "paused_by", "last_task_id", "created_at", "updated_at", "version",
    )  # fmt: skip
    return {
        **optional,
        **task,
        "args": args,
        "kwargs": kwargs,
        **fields_of(row.definition),
        **{name: getattr(row, name) for name in columns},
        "description": wording.describe(row.definition),
        "paused": row.paused_at is not None,
        "next_fire_at": row.next_fire if row.paused_at is None else None,
        "last_fire_at": row.last_fire,
    }


class Firing(Answer):
    """What became of a slot."""

    fire_at: datetime = Field(description="The slot, or when somebody had it run.")
    trigger: Trigger
    outcome: Literal["fired", "skipped"]
    reason: Skipped | None = Field(
        description="Why it made no task: `missed`, as nobody could fire it, or one firing stands for "
        "several slots; `overlap`, the last task had not finished; `refused`, see `detail`."
    )
    detail: str | None = Field(description="The unfinished task, or why the task was refused.")
    until: datetime | None = Field(
        description="Where one line stands for several missed slots: those from `fire_at` on and "
        "before this."
    )
    task_id: UUID | None
    task_status: TaskStatus | None = Field(description="Null when the task is gone.")
    fired_at: datetime = Field(description="When that was done or noted.")

    @classmethod
    def of(cls, row: Any) -> Self:
        """The firing of a row."""
        outcome = "skipped" if row.task_id is None else "fired"
        return cls.model_validate({**row._mapping, "outcome": outcome})
