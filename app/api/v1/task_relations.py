"""What a task has to do with others: what it depends on, and its subtasks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from app.api.contract import problems
from app.api.rights import TasksRead
from app.api.routing import Router
from app.api.sessions import ReadDb
from app.api.v1.parameters import next_link
from app.api.v1.tasks import found
from app.core.errors import NotFound
from app.models import Task as TaskRow
from app.schemas import graph as graphs
from app.schemas import task as schemas
from app.schemas.common import Limit
from app.services import listing
from app.services.graph import Graph, graph_around
from app.services.task import task_service

router = Router(prefix="/tasks", tags=["tasks"])

_LINK = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}


@router.get("/{task_id}/graph", response_model=graphs.TaskGraph, responses=problems(404))
async def get_task_graph(caller: TasksRead, task_id: UUID, db: ReadDb) -> Graph:
    """Get the dependency graph around a task: everything that edges connect with it.

    The nearest 1,000 tasks and 10,000 edges; `truncated` says that there is more.
    """
    graph = await graph_around(db, task_id, owner=caller.owner)
    if graph is None:
        raise NotFound("There is no such task")
    return graph


@router.get(
    "/{task_id}/children",
    response_model=list[schemas.Task],
    responses={200: {"headers": _LINK}, **problems(404)},
)
async def list_task_children(
    caller: TasksRead,
    task_id: UUID,
    db: ReadDb,
    request: Request,
    response: Response,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> list[TaskRow]:
    """List the subtasks of a task, newest first. Follow `Link` for the next page."""
    task = found(await task_service.get_task(db, task_id, owner=caller.owner))
    wanted = listing.TaskFilter(owner=caller.owner, parent_id=task.id)
    page = await listing.list_tasks(db, wanted, limit=limit, cursor=cursor)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, page.next_cursor)
    return list(page.tasks)
