"""Schedules: make, find, change, hold back, run out of turn, delete."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.api.contract import problems
from app.api.rights import TasksRead, TasksWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.api.v1.parameters import IfMatch, next_link
from app.domain.schedule import Source
from app.models import Task as TaskRow
from app.schemas import schedule as schemas
from app.schemas.common import FunctionName, Limit, Name, QueryBool
from app.schemas.task import Outcome, Task
from app.services import allowance
from app.services import schedule as service
from app.services.schedule import ScheduleFilter

router = Router(prefix="/schedules", tags=["schedules"])

Cursor = Annotated[str | None, Query(max_length=2000)]
_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}


def _filter(
    caller: TasksRead,
    name: Annotated[Name | None, Query()] = None,
    source: Annotated[Source | None, Query()] = None,
    celery_task_name: Annotated[FunctionName | None, Query()] = None,
    paused: Annotated[QueryBool | None, Query()] = None,
) -> ScheduleFilter:
    return ScheduleFilter(caller.owner, name, source, celery_task_name, paused)


@router.post("/", status_code=201, response_model=schemas.ScheduleDetail, responses=problems(409))
async def create_schedule(
    caller: TasksWrite, body: schemas.ScheduleCreate, db: Db, response: Response
) -> schemas.ScheduleDetail:
    """Create a schedule: each slot makes a task of yours. What would never fire is refused."""
    made = await service.create(db, dict(body), user_id=caller.user_id, by=caller.email)
    response.headers["Location"] = f"/api/v1/schedules/{made.id}"
    return schemas.ScheduleDetail.of(made)


@router.get("/", response_model=list[schemas.Schedule], responses={200: {"headers": _LINK}})
async def list_schedules(
    wanted: Annotated[ScheduleFilter, Depends(_filter)],
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[schemas.Schedule]:
    """List schedules, newest first. Follow `Link` for the next page.

    Operators see everybody's, and those of the code.
    """
    page = await service.list_schedules(db, wanted, limit=limit, cursor=cursor)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    return [schemas.Schedule.of(row) for row in page.items]


@router.get("/{schedule_id}", response_model=schemas.ScheduleDetail, responses=problems(404))
async def get_schedule(caller: TasksRead, schedule_id: UUID, db: ReadDb) -> schemas.ScheduleDetail:
    """Get one schedule, with its next five slots."""
    row = await service.get_schedule(db, schedule_id, owner=caller.owner)
    return schemas.ScheduleDetail.of(row)


@router.patch(
    "/{schedule_id}", response_model=schemas.ScheduleDetail, responses=problems(404, 409, 412)
)
async def update_schedule(
    caller: TasksWrite, schedule_id: UUID, body: schemas.SchedulePatch, if_match: IfMatch, db: Db
) -> schemas.ScheduleDetail:
    """Change a schedule. When it fires is computed anew, from now, if a field of that changes."""
    row = await service.edit(
        db, schedule_id, body.changes(), owner=caller.owner, if_version=if_match
    )
    return schemas.ScheduleDetail.of(row)


@router.delete("/{schedule_id}", response_model=Outcome, responses=problems(404, 409))
async def delete_schedule(caller: TasksWrite, schedule_id: UUID, db: Db) -> Outcome:
    """Delete a schedule. Its tasks stay, its history goes."""
    await service.delete(db, schedule_id, owner=caller.owner)
    return Outcome(success=True, message="Deleted; its tasks stay")


@router.post("/{schedule_id}/pause", response_model=schemas.ScheduleDetail, responses=problems(404))
async def pause_schedule(caller: TasksWrite, schedule_id: UUID, db: Db) -> schemas.ScheduleDetail:
    """Hold a schedule back, also one of the code. Its tasks go on."""
    row = await service.pause(db, schedule_id, caller.email, owner=caller.owner)
    return schemas.ScheduleDetail.of(row)


@router.post(
    "/{schedule_id}/resume", response_model=schemas.ScheduleDetail, responses=problems(404)
)
async def resume_schedule(caller: TasksWrite, schedule_id: UUID, db: Db) -> schemas.ScheduleDetail:
    """Let a schedule go on. What it missed fires once, or not at all, as its `misfire` says."""
    row = await service.resume(db, schedule_id, owner=caller.owner)
    return schemas.ScheduleDetail.of(row)


@router.post(
    "/{schedule_id}/run", status_code=201, response_model=Task, responses=problems(404, 409)
)
async def run_schedule(
    caller: TasksWrite, schedule_id: UUID, db: Db, response: Response
) -> TaskRow:
    """Make a task of a schedule now, also of one that is paused. Its slots stay as they are."""
    allowance.require_rate(caller.user_id)
    task = await service.run(db, schedule_id, owner=caller.owner)
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    return task


@router.get(
    "/{schedule_id}/history",
    response_model=list[schemas.Firing],
    responses={200: {"headers": _LINK}, **problems(404)},
)
async def list_firings(
    caller: TasksRead,
    schedule_id: UUID,
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[schemas.Firing]:
    """List what became of a schedule's slots, newest first: its tasks, and why there was none."""
    page = await service.history(db, schedule_id, owner=caller.owner, limit=limit, cursor=cursor)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    return [schemas.Firing.of(row) for row in page.items]
