"""Server-sent events: tasks as they are, and then every change."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID
from weakref import WeakKeyDictionary

from fastapi import Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.exc import SQLAlchemyError

from app.api.contract import problems
from app.api.rights import TasksRead
from app.api.routing import Router
from app.api.sessions import ReadDb
from app.api.v1.parameters import ViewToken
from app.api.v1.tasks import found
from app.core.logging import get_logger
from app.core.security import Principal
from app.core.text import first_line
from app.domain.lifecycle import TaskStatus
from app.models import Task as TaskRow
from app.schemas import task as schemas
from app.schemas.common import QueueName, TaskType
from app.services.listing import TaskFilter
from app.services.live import Change, Live
from app.services.task import task_service
from app.services.validity import still_valid

router = Router(prefix="/tasks", tags=["events"])
_log = get_logger(__name__)

RECHECK_SECONDS = 3.0
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=200,
        description="What a browser sends when it connects again. The answer begins with the "
        "present state in any case, so nothing that changed in between is missed.",
    ),
]


def _filter(
    caller: TasksRead,
    status: Annotated[list[TaskStatus] | None, Query(description="May be repeated.")] = None,
    task_type: Annotated[TaskType | None, Query()] = None,
    queue: Annotated[QueueName | None, Query()] = None,
    parent_id: Annotated[UUID | None, Query()] = None,
) -> TaskFilter:
    return TaskFilter(
        owner=caller.owner,
        status=tuple(status or ()),
        task_type=task_type,
        queue=queue,
        parent_id=parent_id,
    )


async def _visible(
    caller: TasksRead,
    task_id: UUID,
    db: ReadDb,
    _view: ViewToken = None,
) -> UUID:
    """The id, if the caller may see that task: before the stream begins, while 404 can be said."""
    return found(await task_service.get_task(db, task_id, owner=caller.owner)).id


async def _place(caller: TasksRead, request: Request, response: Response) -> AsyncIterator[None]:
    """A place among the user's streams until this one ends.

    Those that came with view tokens are counted by their task: their user is who made the tokens, and
    the readers are many.
    """
    live: Live = request.app.state.live
    # FastAPI says no-cache, which lets others keep it.
    response.headers["Cache-Control"] = "no-store"
    with live.place((caller.user_id, caller.only_task)):
        yield


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_place)])
async def stream_tasks(
    caller: TasksRead,
    request: Request,
    wanted: Annotated[TaskFilter, Depends(_filter)],
    _last_event_id: LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow your tasks.

    First the active ones and the newest 500, each as `event: task`, then `event: ready`: what
    has not been sent by then does not exist. After that every change, and `event: deleted`.
    """
    live: Live = request.app.state.live
    first = True
    async for changes in _while_allowed(live, caller, wanted):
        for change in changes:
            yield _event(change)
        if first:
            first = False
            yield ServerSentEvent(event="ready", data={"count": len(changes)})


@router.get(
    "/{task_id}/events",
    response_class=EventSourceResponse,
    responses=problems(404),
    dependencies=[Depends(_place)],
)
async def stream_task(
    caller: TasksRead,
    request: Request,
    task_id: Annotated[UUID, Depends(_visible)],
    _last_event_id: LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow one task: its present state, then every change.

    Stays open after the task has finished, and ends after `event: deleted`.
    """
    live: Live = request.app.state.live
    wanted = TaskFilter(owner=caller.owner)
    async for changes in _while_allowed(live, caller, wanted, only=task_id):
        for change in changes:
            yield _event(change)


async def _while_allowed(
    live: Live, caller: Principal, wanted: TaskFilter, only: UUID | None = None
) -> AsyncIterator[list[Change]]:
    """Ends when the token does: it expires, is revoked, or its user is disabled."""
    checked = time.monotonic()
    try:
        async for changes in live.follow(wanted, only):
            if caller.expires_at is not None and datetime.now(UTC) >= caller.expires_at:
                return
            if time.monotonic() - checked > RECHECK_SECONDS:
                checked = time.monotonic()
                if not await _still_valid(caller):
                    return
            yield changes
    except SQLAlchemyError as exc:
        # The first view could not be read, and 503 can no longer be said: the client comes again.
        _log.warning("a stream could not begin", error=first_line(exc))


async def _still_valid(caller: Principal) -> bool:
    try:
        return await still_valid(caller)
    except (SQLAlchemyError, OSError):
        return True  # nothing can be read meanwhile either


def _event(change: Change) -> ServerSentEvent:
    if change.task is None:
        return ServerSentEvent(event="deleted", data={"id": str(change.task_id)})
    return ServerSentEvent(event="task", id=str(change.task.version), raw_data=_text(change.task))


# One row goes to many streams; it is turned into text once.
_texts: WeakKeyDictionary[TaskRow, str] = WeakKeyDictionary()


def _text(task: TaskRow) -> str:
    text = _texts.get(task)
    if text is None:
        text = _texts[task] = schemas.Task.model_validate(task).model_dump_json()
    return text
