"""Error groups: the same failure, counted once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.api.contract import problems
from app.api.rights import TasksRead, TasksWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.api.v1.parameters import next_link
from app.models import ErrorGroup, Task
from app.schemas import error_group as schemas
from app.schemas.common import FunctionName, Limit, Named
from app.schemas.task import Task as TaskAnswer
from app.services import allowance
from app.services import error_group as service
from app.services.error_group import GroupFilter, GroupState

router = Router(prefix="/error-groups", tags=["error groups"])

# What a thousand tasks may take on a machine that is busy.
MORE_SECONDS = 30.0
Cursor = Annotated[str | None, Query(max_length=2000)]
_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}


def _filter(
    caller: TasksRead,
    state: Annotated[GroupState | None, Query()] = None,
    celery_task_name: Annotated[FunctionName | None, Query()] = None,
    error_type: Annotated[
        Named | None, Query(alias="type", min_length=1, max_length=200, description="Of the error.")
    ] = None,
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="Part of the type or the message."),
    ] = None,
) -> GroupFilter:
    return GroupFilter(caller.owner, state, celery_task_name, error_type, q)


@router.get("", response_model=list[schemas.ErrorGroup], responses={200: {"headers": _LINK}})
async def list_error_groups(
    wanted: Annotated[GroupFilter, Depends(_filter)],
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[ErrorGroup]:
    """List error groups, newest seen first. Follow `Link` for the next page.

    Operators see everybody's, users those of their own tasks; each has a state of its own.
    """
    page = await service.list_groups(db, wanted, limit=limit, cursor=cursor)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    return list(page.items)


@router.get("/{group_id}", response_model=schemas.ErrorGroupDetail, responses=problems(404))
async def get_error_group(caller: TasksRead, group_id: UUID, db: ReadDb) -> ErrorGroup:
    """Get one error group, with a traceback."""
    return await service.get_group(db, group_id, owner=caller.owner)


@router.get(
    "/{group_id}/tasks",
    response_model=list[TaskAnswer],
    responses={200: {"headers": _LINK}, **problems(404)},
)
async def list_error_group_tasks(
    caller: TasksRead,
    group_id: UUID,
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[Task]:
    """List the tasks that have failed so, newest first, whatever became of them."""
    page = await service.tasks_of_group(
        db, group_id, owner=caller.owner, limit=limit, cursor=cursor
    )
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    return list(page.items)


@router.post("/{group_id}/resolve", response_model=schemas.ErrorGroup, responses=problems(404))
async def resolve_error_group(caller: TasksWrite, group_id: UUID, db: Db) -> ErrorGroup:
    """Say that a failure is dealt with. If it comes back, its group is open again and says so."""
    return await service.resolve(db, group_id, caller.email, owner=caller.owner)


@router.post("/{group_id}/reopen", response_model=schemas.ErrorGroup, responses=problems(404))
async def reopen_error_group(caller: TasksWrite, group_id: UUID, db: Db) -> ErrorGroup:
    """Say that a failure is not dealt with after all."""
    return await service.reopen(db, group_id, owner=caller.owner)


@router.post("/{group_id}/retry", response_model=schemas.ErrorGroupRetry, responses=problems(404))
async def retry_error_group(
    caller: TasksWrite, group_id: UUID, request: Request
) -> service.Retried:
    """Run every task of a group again that is still failed, as new tasks, newest first.

    At most 1,000 (and 16 MiB of arguments) a request; `left` says how many remain. A task that a
    retry was made of already is left out.
    """
    request.scope["deadline"].extend(MORE_SECONDS)
    allowance.require_rate(caller.user_id, 0)  # nothing owed; how many they are shows later
    retried = await service.retry(group_id, owner=caller.owner)
    allowance.charge(caller.user_id, len(retried.ids))
    return retried
