"""Tasks: create, find, change, cancel, delete, run again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from app.api.contract import problems
from app.api.direct import direct
from app.api.rights import TasksChange, TasksRead, TasksWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.api.v1 import patching
from app.api.v1.parameters import (
    Filter,
    IdempotencyKey,
    IfMatch,
    ViewToken,
    fingerprint_of,
    next_link,
)
from app.core import security
from app.core.errors import Conflict, Invalid, NotFound
from app.models import Task as TaskRow
from app.schemas import task as schemas
from app.schemas.common import Limit, QueryBool, QueryInt, Skip
from app.schemas.explanation import Explanation
from app.services import allowance, listing
from app.services.building import NewTask
from app.services.explain import explain
from app.services.submission import Origin
from app.services.task import CancelOutcome, DeleteOutcome, task_service

router = Router(prefix="/tasks", tags=["tasks"])

_REPLAYED = {
    "description": "The task that an earlier request with this Idempotency-Key made, or, with "
    "`unique_mode` `existing`, the unfinished one that has this `unique_key`",
    "model": schemas.Task,
    "headers": {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}},
}
_LIST_HEADERS = {
    "Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}},
    "X-Total-Count": {"description": "With include_total", "schema": {"type": "integer"}},
}


def found(task: TaskRow | None) -> TaskRow:
    """The task. Raises `NotFound`, the same for one that is somebody else's."""
    if task is None:
        raise NotFound("There is no such task")
    return task


@router.post(
    "/",
    status_code=201,
    response_model=schemas.Task,
    responses={200: _REPLAYED, **problems(409)},
)
@direct
async def create_task(
    caller: TasksWrite, body: schemas.TaskCreate, key: IdempotencyKey
) -> Response:
    """Create a task. Answered once it is committed; it runs even if the broker is down now."""
    fields = dict(body)
    new = NewTask(**fields, user_id=caller.user_id, sees_all=caller.owner is None)
    task, origin = await task_service.accept(
        new, idempotency_key=key, fingerprint=fingerprint_of(body) if key else ""
    )
    headers = {"Location": f"/api/v1/tasks/{task['id']}"}
    if origin is Origin.REPLAYED:
        headers["Idempotent-Replayed"] = "true"
    return Response(
        schemas.Task.model_validate(task).model_dump_json(),
        200 if origin else 201,
        headers,
        "application/json",
    )


@router.get("/", response_model=list[schemas.Task], responses={200: {"headers": _LIST_HEADERS}})
async def list_tasks(
    wanted: Filter,
    db: ReadDb,
    request: Request,
    response: Response,
    order_by: Annotated[
        str, Query(json_schema_extra={"enum": list(listing.ORDERS)})
    ] = "created_at",
    order_desc: QueryBool = True,
    skip: Skip = 0,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    include_total: QueryBool = False,
) -> list[TaskRow]:
    """List tasks, newest first. Follow `Link` for the next page: it costs the same anywhere."""
    if cursor is not None and skip:
        raise Invalid(
            "Give cursor or skip, not both",
            errors=[{"loc": ["query", "skip"], "msg": "Not together with cursor", "type": "skip"}],
        )
    page = await listing.list_tasks(
        db,
        wanted,
        order_by=order_by,
        order_desc=order_desc,
        skip=skip,
        limit=limit,
        cursor=cursor,
    )
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    if include_total:
        counts = await listing.count_tasks(db, wanted)
        response.headers["X-Total-Count"] = str(counts["total"])
    return list(page.tasks)


@router.get("/count", response_model=schemas.TaskCount)
async def count_tasks(wanted: Filter, db: ReadDb) -> dict[str, int]:
    """Count tasks by status, for the same filters as the list."""
    return await listing.count_tasks(db, wanted)


@router.get("/{task_id}", response_model=schemas.Task, responses=problems(404))
async def get_task(
    caller: TasksRead,
    task_id: UUID,
    db: ReadDb,
    _view: ViewToken = None,
) -> TaskRow:
    """Get one task."""
    return found(await task_service.get_task(db, task_id, owner=caller.owner))


@router.patch("/{task_id}", response_model=schemas.Task, responses=problems(404, 409, 412))
async def update_task(
    caller: TasksChange, task_id: UUID, body: schemas.TaskPatch, if_match: IfMatch, db: Db
) -> TaskRow | Response:
    """Change a task: edit it, cancel it, or, for executors outside Celery, claim and report.

    The answer to a claim, and no other, has sensitive arguments as they are.
    """
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    # What the services read again must come from the database, not from this session's memory.
    db.expunge_all()
    changed = await patching.apply(db, task, body, caller, if_match)
    if not patching.is_claim(body):
        return changed
    open_task = schemas.OpenTask.model_validate(changed)
    return Response(open_task.model_dump_json(), media_type="application/json")


@router.delete(
    "/{task_id}",
    response_model=schemas.Outcome,
    responses={
        202: {"description": "Told to stop; gone when it has", "model": schemas.Outcome},
        **problems(404, 409),
    },
)
async def delete_task(
    caller: TasksWrite, task_id: UUID, db: Db, response: Response
) -> schemas.Outcome:
    """Delete a task. A running one is told to stop, and goes when it really has.

    409 while an unfinished task depends on it.
    """
    outcome = await task_service.delete(db, task_id, owner=caller.owner)
    if outcome is DeleteOutcome.UNKNOWN:
        raise NotFound("There is no such task")
    if outcome is DeleteOutcome.NEEDED:
        raise Conflict(
            "An unfinished task depends on this one; cancel that one first, or let it end",
            code="needed",
        )
    if outcome is DeleteOutcome.REMOVED:
        return schemas.Outcome(success=True, message="The task was deleted")
    response.status_code = 202
    return schemas.Outcome(
        success=True, message="The task is running; it was told to stop and goes when it has"
    )


@router.post(
    "/{task_id}/cancel",
    response_model=schemas.CancelOutcome,
    responses={
        202: {"description": "A running attempt was told to stop", "model": schemas.CancelOutcome},
        **problems(404, 409),
    },
)
async def cancel_task(
    caller: TasksWrite, task_id: UUID, db: Db, response: Response
) -> schemas.CancelOutcome:
    """Cancel a task. A waiting one is revoked now, a running one told to stop."""
    outcome = await task_service.cancel(db, task_id, owner=caller.owner)
    task = await patching.after_cancel(db, task_id, caller, outcome)
    message = {
        CancelOutcome.REVOKED_NOW: "The task is revoked",
        CancelOutcome.ALREADY_REVOKED: "The task was revoked already",
        CancelOutcome.REQUESTED: "The running attempt was told to stop",
    }[outcome]
    if outcome is CancelOutcome.REQUESTED:
        response.status_code = 202
    return schemas.CancelOutcome(
        success=True, message=message, task=schemas.Task.model_validate(task)
    )


@router.post(
    "/{task_id}/retry",
    status_code=201,
    response_model=schemas.Task,
    responses=problems(404, 409),
)
async def retry_task(
    caller: TasksWrite, task_id: UUID, db: Db, body: schemas.TaskRetry | None = None
) -> TaskRow:
    """Run a finished task again, as a new task with `retry_of`, with other arguments if given.

    In these `***` for a sensitive parameter means the value that the old task has.
    """
    allowance.require_rate(caller.user_id)
    return await task_service.retry_task(
        db,
        task_id,
        owner=caller.owner,
        args=body.args if body else None,
        kwargs=body.kwargs if body else None,
    )


@router.get("/{task_id}/attempts", response_model=list[schemas.Attempt], responses=problems(404))
async def list_task_attempts(
    caller: TasksRead,
    task_id: UUID,
    db: ReadDb,
    after: Annotated[QueryInt, Query(ge=0, le=2**31 - 1, description="An `attempt`.")] = 0,
    limit: Annotated[QueryInt, Query(ge=1, le=1000)] = 1000,
) -> list[object]:
    """List every start of a task, oldest first, after the given one.

    More than a page has only a task that often puts itself off: that spends no try.
    """
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    return list(await task_service.get_attempts(db, task, after, limit))


@router.get("/{task_id}/checkpoint", response_model=schemas.Checkpoint, responses=problems(404))
async def get_task_checkpoint(caller: TasksRead, task_id: UUID, db: ReadDb) -> object:
    """Get what a task keeps for its next attempt. 404 `no_checkpoint` where it keeps nothing."""
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    kept = await task_service.get_checkpoint(db, task.id)
    if kept is None:
        raise NotFound(
            "The task keeps no checkpoint: it has written none, or has succeeded",
            code="no_checkpoint",
        )
    return kept


@router.get("/{task_id}/logs", response_model=list[schemas.LogLine], responses=problems(404))
async def list_task_logs(
    caller: TasksRead,
    task_id: UUID,
    db: ReadDb,
    after: Annotated[QueryInt, Query(ge=0, le=2**63 - 1, description="Id of a line.")] = 0,
    limit: Annotated[QueryInt, Query(ge=1, le=1000)] = 1000,
) -> list[object]:
    """List the lines a task logged, oldest first, after the line of the given id."""
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    return list(await task_service.get_logs(db, task.id, after, limit))


@router.get("/{task_id}/explain", response_model=Explanation, responses=problems(404))
async def explain_task(caller: TasksRead, task_id: UUID, db: ReadDb) -> object:
    """Explain why a task is not running: every reason, the first one to go first, with its cure.

    Of a running task it says where that runs, of a finished one how it ended.
    """
    explanation = await explain(db, task_id, owner=caller.owner)
    if explanation is None:
        raise NotFound("There is no such task")
    return explanation


@router.post("/{task_id}/view-token", response_model=schemas.ViewToken, responses=problems(404))
async def create_view_token(caller: TasksRead, task_id: UUID, db: ReadDb) -> schemas.ViewToken:
    """Make a read-only token for one task, for the browser of somebody who has no account."""
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    token = security.sign_view(task.id, caller.user_id)
    return schemas.ViewToken(
        token=token,
        expires_in=security.VIEW_SECONDS,
        url=f"/api/v1/tasks/{task.id}/events?view={token}",
    )
