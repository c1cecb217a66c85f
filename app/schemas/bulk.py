"""Many tasks in one request."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.common import Answer, Named, Request
from app.schemas.task import MAX_DEPENDENCIES, TaskCreate

MAX_TASKS = 10_000
MAX_NAME = 100

_TASK = "app.tasks.common_tasks.long_running_task"
_EXAMPLE: dict[str, JsonValue] = {
    "tasks": [
        {
            "local_id": "collect",
            "name": "Collect the figures",
            "task_type": "report",
            "celery_task_name": _TASK,
            "args": [5],
        },
        {
            "name": "Write the report",
            "task_type": "report",
            "celery_task_name": _TASK,
            "args": [5],
            "depends_on": ["collect"],
        },
    ]
}


def _no_id(value: str) -> str:
    if as_id(value) is not None:
        raise PydanticCustomError("local_id", "Input should not look like the id of a task")
    return value


def as_id(value: str) -> UUID | None:
    """The id that the text is, if it is one."""
    try:
        return UUID(value)
    except ValueError:
        return None


def _reference(value: Any) -> UUID | str:
    """The id of a task, or a name, which is looked up later."""
    if not isinstance(value, str) or not value or len(value) > MAX_NAME:
        raise PydanticCustomError(
            "reference", "Input should be the id of a task, or a local_id of this request"
        )
    return as_id(value) or value


LocalId = Annotated[Named, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_no_id)]
Reference = Annotated[
    UUID | str,
    BeforeValidator(_reference),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME}),
]


class BulkTask(TaskCreate):
    """A task of many. It may refer to others of the same request by their `local_id`."""

    model_config = ConfigDict(json_schema_extra={})

    local_id: LocalId | None = Field(
        None, description="A name for `depends_on` and `parent_id` of others; it is not kept."
    )
    parent_id: Reference | None = None  # type: ignore[assignment] # wider on purpose
    depends_on: Annotated[list[Reference], Field(max_length=MAX_DEPENDENCIES)] = Field(  # type: ignore[assignment] # the same
        default_factory=list, description="Tasks that have to finish first: ids or local names."
    )


class TasksCreate(Request):
    """Tasks to create, all of them or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    tasks: Annotated[list[BulkTask], Field(min_length=1, max_length=MAX_TASKS)]


class TaskIds(Answer):
    """The ids of the new tasks, in the order of the request."""

    ids: list[UUID]
