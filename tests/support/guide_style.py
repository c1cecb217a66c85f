"""A task in the style of the user's guide: a new event loop and a new session per update."""

from __future__ import annotations

import asyncio
from typing import Any

from app.celery_app import celery_app
from app.db.session import async_session
from app.models.task import TaskStatus
from app.services.task import TaskService


@celery_app.task(bind=True)
def stepwise(self: Any, steps: int, task_id: str | None = None) -> dict[str, Any]:
    """Report `steps` times, each report on a loop of its own."""
    accepted = []
    for step in range(steps):
        if task_id:
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            accepted.append(loop.run_until_complete(report(task_id, 100 * step / steps)))
            loop.close()
    return {"task_id": task_id, "accepted": accepted}


async def report(task_id: str, progress: float) -> bool:
    """One update in a session of its own."""
    async with async_session() as session:
        return await TaskService().update_task_status(
            db=session, task_id=task_id, status=TaskStatus.RUNNING, progress=progress,
            progress_message=f"{progress:.0f} %",
        )  # fmt: skip
