"""Many tasks in one request."""

from __future__ import annotations

import asyncio

from fastapi import Response

from app.api.contract import problems
from app.api.direct import MAX_BULK_BYTES, bulk
from app.api.rights import TasksWrite
from app.api.routing import Router
from app.api.v1.parameters import IdempotencyKey, fingerprint_of
from app.schemas import bulk as schemas
from app.services.task import task_service

router = Router(prefix="/tasks", tags=["tasks"])

_REPLAYED = {
    "description": "The tasks that an earlier request with this Idempotency-Key made",
    "model": schemas.TaskIds,
    "headers": {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}},
}


@router.post(
    "/bulk",
    status_code=201,
    response_model=schemas.TaskIds,
    responses={
        200: _REPLAYED,
        **problems(409),
        413: problems(413)[413] | {"description": f"Larger than {MAX_BULK_BYTES >> 20} MiB"},
    },
)
@bulk
async def create_tasks(
    caller: TasksWrite, body: schemas.TasksCreate, key: IdempotencyKey
) -> Response:
    """Create up to 10,000 tasks, all of them or none. Errors name the task by its number.

    `depends_on` and `parent_id` may name others of the same request by their `local_id`, so that a
    whole workflow is one request.
    """
    ids, replayed = await task_service.accept_many(
        [task.__dict__ for task in body.tasks],
        user_id=caller.user_id,
        sees_all=caller.owner is None,
        idempotency_key=key,
        fingerprint=await asyncio.to_thread(fingerprint_of, body) if key else "",
    )
    return Response(
        schemas.TaskIds(ids=ids).model_dump_json(),
        200 if replayed else 201,
        {"Idempotent-Replayed": "true"} if replayed else None,
        "application/json",
    )
