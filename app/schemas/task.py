"""Tasks as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from app.core import sensitive
from app.domain.lifecycle import TaskStatus
from app.domain.retry import MAX_ATTEMPTS
from app.schemas.common import (
    Answer,
    FunctionName,
    Id,
    LimitKey,
    Line,
    Name,
    OwnerRef,
    Priority,
    QueueName,
    Request,
    Seconds,
    Tag,
    TaskType,
    Time,
)

MAX_TAGS = 32
MAX_DEPENDENCIES = 1000

_EXAMPLE_CREATE: dict[str, JsonValue] = {
    "name": "Monthly figures",
    "task_type": "report",
    "celery_task_name": "app.tasks.common_tasks.long_running_task",
    "args": [60],
    "kwargs": {"param": "value"},
    "priority": 3,
    "tags": ["finance"],
}
_ID = "01a20e62-5c01-77fa-b45b-507bb0619966"
_EXAMPLE_TASK: dict[str, JsonValue] = {
    **_EXAMPLE_CREATE,
    "id": _ID,
    "queue": "default",
    "status": "running",
    "reason": None,
    "progress": 25.0,
    "progress_message": "15 of 60 s",
    "result": None,
    "error": None,
    "celery_id": "7be3d5a0-1c9b-4c4f-9f6c-0f4f6c1a2b3c",
    "attempt": 1,
    "tries": 1,
    "max_attempts": 1,
    "time_limit": 3600.0,
    "soft_time_limit": None,
    "user_id": "01a20e62-5b55-779d-b9c9-b59b3363cac2",
    "owner_ref": None,
    "limit_key": None,
    "parent_id": None,
    "subtasks": None,
    "depends_on": [],
    "scheduled_at": None,
    "expires_at": None,
    "created_at": "2030-01-31T08:00:00Z",
    "dispatched_at": "2030-01-31T08:00:00.012Z",
    "started_at": "2030-01-31T08:00:00.020Z",
    "completed_at": None,
    "updated_at": "2030-01-31T08:00:15Z",
    "cancel_requested_at": None,
    "retry_of": None,
    "worker": "w1@host",
    "version": 4,
}

Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
Percent = Annotated[float, Field(ge=0, le=100)]


class TaskCreate(Request):
    """A task to run. Arguments are checked against the function's signature."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_CREATE]})

    name: Name = Field(description="For people.")
    task_type: TaskType = Field(description="Groups tasks; any text.")
    celery_task_name: FunctionName = Field(description="One of /api/v1/task-types.")
    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = Field(2, description="1 LOW, 2 NORMAL, 3 HIGH, 4 CRITICAL.")
    queue: QueueName | None = Field(None, description="Default: the function's own.")
    scheduled_at: Time | None = Field(None, description="Not before this time.")
    countdown: Annotated[float, Field(ge=0, le=31_536_000)] | None = Field(
        None, description="Not before this many seconds from now; instead of `scheduled_at`."
    )
    expires_at: Time | None = Field(
        None, description="Revoked with reason `expired` if not started by then."
    )
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    time_limit: Seconds | None = Field(None, description="Seconds until it is stopped by force.")
    soft_time_limit: Seconds | None = Field(
        None, description="Seconds until SoftTimeLimitExceeded is raised in it."
    )
    parent_id: Id | None = None
    depends_on: Annotated[list[Id], Field(max_length=MAX_DEPENDENCIES)] = Field(
        default_factory=list, description="Tasks that have to finish first."
    )
    on_dependency_failure: Literal["fail", "run"] = Field(
        "fail",
        description="What becomes of it when one of those fails or is revoked: it ends too, with "
        "reason `dependency_failed` or `dependency_revoked`, or it runs all the same.",
    )
    tags: Tags = Field(default_factory=list)
    owner_ref: OwnerRef | None = Field(None, description="Your own key, such as an order number.")
    unique_key: OwnerRef | None = Field(
        None, description="At most one unfinished task of its owner has it."
    )
    unique_mode: Literal["reject", "existing", "replace"] = Field(
        "reject",
        description="When an unfinished task has the key: 409 `unique_key_taken`, which names it; "
        "it is the answer, with 200; or it is revoked with reason `replaced`, if it still waits.",
    )

    limit_key: LimitKey | None = Field(
        None, description="What limits of kind `key` count it under, such as a customer."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.scheduled_at is not None and self.countdown is not None:
            raise PydanticCustomError("start", "Give scheduled_at or countdown, not both")
        return self


class TaskRetry(Request):
    """New arguments for the new task; what is left out stays as it was."""

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None


class TaskErrorIn(Request):
    """What went wrong, as an executor outside Celery reports it."""

    type: Annotated[Line, Field(min_length=1, max_length=200)]
    message: Annotated[str, Field(max_length=32_768)] = ""
    traceback: Annotated[str, Field(max_length=32_768)] | None = None


class TaskPatch(Request):
    """A change. Owners change `name`, `tags`, and while the task is pending `priority` and
    `scheduled_at`, or set `status` to `revoked`, which cancels. Executors outside Celery (scope
    `tasks:report`) claim with `status: running`, and then report with the `attempt` they hold.
    """

    name: Name | None = None
    tags: Tags | None = None
    priority: Priority | None = None
    scheduled_at: Time | None = None
    status: Annotated[TaskStatus, Field(strict=False)] | None = None
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    lease_seconds: Annotated[float, Field(ge=1, le=86_400)] | None = Field(
        None, description="How long the claim lasts without another PATCH; default 300."
    )
    progress: Percent | None = None
    progress_message: Annotated[Line, Field(max_length=1000)] | None = None
    result: Any = None
    error: TaskErrorIn | None = None


class TaskError(Answer):
    """Why the last attempt failed."""

    type: str
    message: str
    traceback: str | None = None
    attempt: int | None = None


class Subtasks(Answer):
    """What has become of a task's subtasks, as of a second ago or two; exact once they rest."""

    total: int
    pending: int
    running: int
    succeeded: int
    failed: int
    revoked: int
    progress: float = Field(
        description="The mean of their progress, percent; one that has ended counts as 100."
    )


class Task(Answer):  # type: ignore[no-redef] # mypy's plugin thinks of **kwargs
    """A task. Sensitive arguments are `***` to everybody, its owner included."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_TASK]})

    id: UUID
    name: str
    task_type: str
    celery_task_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    queue: str
    priority: int
    status: TaskStatus
    reason: str | None = Field(description="Why it ended, or why its last attempt ended, so.")
    progress: float
    progress_message: str | None
    result: Any
    error: TaskError | None
    celery_id: UUID = Field(
        description="Id of the Celery message of the current or next attempt; new at every publish."
    )
    attempt: int = Field(description="Starts so far; 0 before the first.")
    tries: int = Field(description="What counts against `max_attempts`.")
    max_attempts: int
    time_limit: float | None
    soft_time_limit: float | None
    user_id: UUID | None
    owner_ref: str | None
    limit_key: str | None
    parent_id: UUID | None
    subtasks: Subtasks | None = Field(description="Null without any.")
    depends_on: Annotated[list[UUID], BeforeValidator(lambda ids: ids or [])]
    tags: list[str]
    scheduled_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    dispatched_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    cancel_requested_at: datetime | None
    retry_of: UUID | None
    worker: str | None
    version: int

    @model_validator(mode="after")
    def _hide(self) -> Self:
        self.args, self.kwargs = sensitive.hide(self.celery_task_name, self.args, self.kwargs)
        return self


class OpenTask(Task):  # type: ignore[no-redef] # mypy's plugin thinks of **kwargs
    """A task with all its arguments: for whoever executes it."""

    @model_validator(mode="after")
    def _hide(self) -> Self:
        return self


class TaskCount(Answer):
    """How many tasks match, by status; always adds up."""

    total: int
    pending: int
    running: int
    succeeded: int
    failed: int
    revoked: int


class Outcome(Answer):
    """What became of a request to delete."""

    success: StrictBool
    message: str


class CancelOutcome(Outcome):
    """What became of a request to cancel."""

    task: Task


class Attempt(Answer):
    """One start of a task."""

    attempt: int
    celery_id: UUID
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str = Field(description="`running`, or how it ended.")
    error: TaskError | None
    cancel_requested_at: datetime | None = Field(description="Somebody asked for a stop.")
    cancel_acknowledged_at: datetime | None = Field(
        description="The attempt has learned of it. One that could not listen never does."
    )
    stopped_at: datetime | None = Field(description="From here on no code of it ran.")
    stopped_by: Literal["cooperative", "soft", "forced"] | None = Field(
        description="It asked and stopped; an exception was raised in it; its process was ended."
    )
    checkpoint_at: datetime | None = Field(
        description="When it kept the checkpoint that the task has; null if another one did."
    )


class Checkpoint(Answer):
    """What a task keeps for its next attempt."""

    attempt: int = Field(description="The attempt that has kept it.")
    written_at: datetime
    state: Any


class LogLine(Answer):
    """A line that an attempt logged."""

    id: int
    attempt: int
    created_at: datetime
    level: str
    message: str


class ViewToken(Answer):
    """A read-only grant for one task; nothing else may stand as a token in a query."""

    token: str
    expires_in: int = Field(description="Seconds.")
    url: str = Field(description="The task's event stream with the token in it.")
