"""What a task's code, or whoever runs a task elsewhere, tells of it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.current import attempt_of
from app.core.sensitive import told
from app.core.text import MAX_MESSAGE, clean
from app.domain.lifecycle import FINISHED, TaskStatus
from app.queries import claims
from app.services import external
from app.services.finding import as_uuid


async def update_task_status(
    db: AsyncSession,
    task_id: uuid.UUID | str,
    status: TaskStatus | str,
    progress: float | None = None,
    progress_message: str | None = None,
    result: Any = None,
    error: str | None = None,
) -> bool:
    """Report on a task; True if the row took it.

    Inside the task itself this is a report of its attempt, fenced by it: progress is
    written at once, and a finished `status` is kept for when the function returns. For
    another task it moves one that runs outside Celery along legal transitions. `progress`
    is percent; what is outside 0 to 100 counts as the nearer end.
    """
    found = as_uuid(task_id)
    if found is None:
        return False
    status = TaskStatus(status)
    if progress is not None:
        progress = min(100.0, max(0.0, float(progress)))
    own = attempt_of(found)
    if progress_message is not None:
        progress_message = told(progress_message, own.secrets if own else ())
        progress_message = clean(progress_message, MAX_MESSAGE)
    if own is None:
        return await external.update_status(
            db, found, status, progress, progress_message, result, error
        )
    if status in FINISHED:
        own.declare(status.value, result, error)
        progress = 100.0 if status is TaskStatus.SUCCEEDED else progress
    parameters = {
        **claims.bind_pairs([(own.task_id, own.celery_id)]),
        "progress": progress,
        "message": progress_message,
    }
    row = (await db.execute(claims.report_progress(), parameters)).first()
    await db.commit()
    if row is not None:
        own.changed()
    return row is not None
