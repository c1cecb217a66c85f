"""Which functions can be submitted."""

from __future__ import annotations

from app.api.rights import TasksRead
from app.api.routing import Router
from app.schemas.system import TaskType
from app.services.catalogue import catalogue

router = Router(prefix="/task-types", tags=["task types"])


@router.get("", response_model=list[TaskType])
async def list_task_types(_: TasksRead) -> list[TaskType]:
    """List registered functions: what they take, where they run, their limits."""
    return [
        TaskType(
            name=info.name,
            description=info.doc,
            queue=info.queue,
            parameters=info.parameters.schema,
            max_attempts=info.max_attempts,
            time_limit=info.time_limit,
            soft_time_limit=info.soft_time_limit,
        )
        for _, info in sorted(catalogue().tasks.items())
    ]
