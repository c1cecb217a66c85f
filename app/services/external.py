"""Tasks that something outside Celery executes: it claims, reports and settles over the API."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import events
from app.core.config import get_settings
from app.core.errors import Conflict, NotFound, PreconditionFailed
from app.core.sensitive import texts, told
from app.domain.lifecycle import FINISHED, TaskStatus
from app.models import Task
from app.queries import external as external_queries
from app.queries import removal
from app.services.finding import find
from app.services.limits import take_place
from app.services.traces import reported
from app.services.transactions import undone_if_refused

DEFAULT_LEASE_SECONDS = 300.0


@undone_if_refused
async def claim(
    db: AsyncSession,
    task_id: uuid.UUID,
    executor: str,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    if_version: int | None = None,
) -> Task:
    """Take a pending task for `executor`; its lease is renewed by each report.

    Raises `NotFound`, `Conflict` when it is not pending or a limit is reached, `PreconditionFailed`.
    """
    found = await find(db, task_id, None)
    if found is not None and found.status == TaskStatus.PENDING:
        await take_place(db, found)
    statement = external_queries.claim_external(
        task_id, f"external:{executor}", lease_seconds, if_version
    )
    task: Task | None = (await db.scalars(statement)).first()
    if task is None:
        raise await _refusal(db, task_id, if_version, "can be claimed only while it is pending")
    await db.commit()
    events.changed([task_id])
    return task


@undone_if_refused
async def report(
    db: AsyncSession,
    task_id: uuid.UUID,
    attempt: int,
    *,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    status: TaskStatus = TaskStatus.RUNNING,
    progress: float | None = None,
    progress_message: str | None = None,
    result: Any = None,
    error: dict[str, Any] | None = None,
    if_version: int | None = None,
) -> Task:
    """Progress or the outcome of an executor's attempt; renews its lease.

    Not for ever: at the task's time limit, and after the grace of a cancel, the lease ends.

    Raises `NotFound`, `PreconditionFailed`, or `Conflict` when that attempt is not the running
    one any more, or a Celery worker holds the task.
    """
    grace = get_settings().cancel_grace_seconds
    changes: dict[str, Any] = external_queries.renewed_lease(lease_seconds, grace)
    if progress is not None:
        changes["progress"] = external_queries.no_less_than(progress)
    if progress_message is not None:
        changes["progress_message"] = progress_message
    if status in FINISHED:
        changes |= external_queries.reported_outcome(status, result, error)
    statement = external_queries.report_external(task_id, attempt, if_version, changes)
    task: Task | None = (await db.scalars(statement)).first()
    if task is None:
        raise await _refusal(db, task_id, if_version, f"is not held by attempt {attempt} of yours")
    if task.status in FINISHED and task.delete_requested_at is not None:
        await db.execute(removal.remove_if_not_running([task_id], None))
    ended = task.status in FINISHED
    write_span = reported(task) if ended else None
    await db.commit()
    events.changed([task_id])
    if write_span is not None:
        write_span()
        events.wake_agents()
    return task


def secrets_of(task: Task) -> tuple[str, ...]:
    """How the task's sensitive arguments may be written in what its executor reports."""
    return texts(task.celery_task_name, task.args, task.kwargs)


async def update_status(
    db: AsyncSession,
    task_id: uuid.UUID,
    status: TaskStatus,
    progress: float | None,
    progress_message: str | None,
    result: Any,
    error: str | None,
) -> bool:
    """`update_task_status` for a task that the caller does not run itself; False if refused."""
    task = await find(db, task_id, None)
    waiting = task is not None and task.status == TaskStatus.PENDING
    wanted = (TaskStatus.RUNNING,) if waiting else (TaskStatus.RUNNING, *FINISHED)
    if task is None or status not in wanted:
        await db.rollback()
        return False
    try:
        if waiting:
            task = await claim(db, task_id, "service")
        described = None
        if error is not None:
            described = {
                "type": "reported",
                "message": told(error, secrets_of(task)),
                "traceback": None,
                "attempt": task.attempt,
            }
        await report(
            db,
            task_id,
            task.attempt,
            status=status,
            progress=progress,
            progress_message=progress_message and told(progress_message, secrets_of(task)),
            result=result,
            error=described,
        )
    except (Conflict, NotFound):
        return False
    return True


async def _refusal(
    db: AsyncSession, task_id: uuid.UUID, if_version: int | None, why: str
) -> Exception:
    task = await find(db, task_id, None)
    if task is None:
        return NotFound("No such task")
    if if_version is not None and task.version != if_version:
        return PreconditionFailed(
            f"The task is at version {task.version}, not {if_version}; read it again"
        )
    worker = task.worker or ""
    holder = worker if worker.startswith("external:") else "a worker"
    held = f" and held by {holder}" if task.status == TaskStatus.RUNNING else ""
    return Conflict(f"The task is {task.status}{held}; it {why}", code="not_held")
