"""Changing a task that is there: its name and tags, and while it waits, when it runs."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.core.errors import Conflict, NotFound, PreconditionFailed
from app.domain.lifecycle import TaskStatus
from app.models import Task
from app.queries import tasks as queries
from app.services.announcing import tell_all_after_commit
from app.services.finding import find, get_task
from app.services.transactions import undone_if_refused


@undone_if_refused
async def edit(
    db: AsyncSession,
    task_id: uuid.UUID | str,
    *,
    owner: uuid.UUID | None,
    changes: dict[str, Any],
    if_version: int | None = None,
) -> Task:
    """Change `name` and `tags`; while pending also `priority` and `scheduled_at`.

    Raises `NotFound`, `Conflict` for a task that has started, `PreconditionFailed` when the
    task is no longer at `if_version`.
    """
    task = await get_task(db, task_id, owner=owner)
    if task is None:
        raise NotFound("No such task")
    written: dict[str, Any] = {name: changes[name] for name in ("name", "tags") if name in changes}
    statuses = [status.value for status in TaskStatus]
    if "priority" in changes or "scheduled_at" in changes:
        statuses = [TaskStatus.PENDING.value]
        scheduled = changes.get("scheduled_at", task.scheduled_at)
        written |= queries.reschedule_values(
            changes.get("priority", task.priority), scheduled, get_settings().ageing_seconds
        )
        written["scheduled_at"] = scheduled
    statement = queries.edit_if(task.id, statuses, if_version, written)
    edited: Task | None = (await db.scalars(statement)).first()
    if edited is None:
        raise await _why_not_edited(db, task.id, owner, if_version)
    if "tags" in changes:
        await db.execute(queries.delete_tags(edited.id))
        if changes["tags"]:
            await db.execute(queries.insert_tags((edited.id, tag) for tag in changes["tags"]))
    await db.refresh(edited)
    # One that was handed out leaves a place under its limits.
    rescheduled = "priority" in changes or "scheduled_at" in changes
    tell_all_after_commit(db, {edited.id: edited.queue}, agents=rescheduled)
    await db.commit()
    return edited


async def _why_not_edited(
    db: AsyncSession,
    task_id: uuid.UUID,
    owner: uuid.UUID | None,
    if_version: int | None,
) -> Exception:
    task = await find(db, task_id, owner)
    if task is None:
        return NotFound("No such task")
    if if_version is not None and task.version != if_version:
        return PreconditionFailed(
            f"The task is at version {task.version}, not {if_version}; read it again"
        )
    return Conflict(
        f"The task is {task.status}; priority and scheduled_at can be changed only while it is pending",
        code="not_pending",
    )
