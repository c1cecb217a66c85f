"""Queues: what waits, pause and resume."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from app.api.contract import problems
from app.api.rights import QueuesRead, QueuesWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.schemas.common import QueueName
from app.schemas.system import Queue
from app.services import queue as queues

router = Router(prefix="/queues", tags=["queues"])
Named = Annotated[QueueName, Path(examples=["default"])]


@router.get("", response_model=list[Queue])
async def list_queues(_: QueuesRead, db: ReadDb) -> list[queues.QueueState]:
    """List queues: depth by priority, longest wait, whether paused, workers that serve them."""
    return await queues.list_queues(db)


@router.get("/{name}", response_model=Queue, responses=problems(404))
async def get_queue(_: QueuesRead, name: Named, db: ReadDb) -> queues.QueueState:
    """Get one queue."""
    return await queues.get_queue(db, name)


@router.post("/{name}/pause", response_model=Queue, responses=problems(404))
async def pause_queue(caller: QueuesWrite, name: Named, db: Db) -> queues.QueueState:
    """Hold a queue's tasks back. Those that run already go on."""
    return await queues.pause(db, name, caller.email)


@router.post("/{name}/resume", response_model=Queue, responses=problems(404))
async def resume_queue(_: QueuesWrite, name: Named, db: Db) -> queues.QueueState:
    """Hand a queue's tasks out again."""
    return await queues.resume(db, name)
