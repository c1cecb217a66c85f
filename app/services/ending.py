"""Cancelling and deleting."""

from __future__ import annotations

import uuid
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from app import events
from app.core.config import get_settings
from app.domain.lifecycle import FINISHED, TaskStatus
from app.queries import removal
from app.queries import tasks as queries
from app.services.finding import as_uuid, find

# How often a verb looks again when the row was in between two statuses.
LOOKS = 5


class CancelOutcome(StrEnum):
    """What a cancel found."""

    REVOKED_NOW = "revoked_now"
    ALREADY_REVOKED = "already_revoked"
    REQUESTED = "requested"
    FINISHED = "finished"
    UNKNOWN = "unknown"


class DeleteOutcome(StrEnum):
    """What a delete found."""

    REMOVED = "removed"
    REQUESTED = "requested"
    NEEDED = "needed"
    UNKNOWN = "unknown"


async def cancel_task(
    db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
) -> bool:
    """Cancel. False if the task is unknown or had already finished."""
    outcome = await cancel(db, task_id, owner=owner)
    return outcome in (CancelOutcome.REVOKED_NOW, CancelOutcome.REQUESTED)


async def cancel(
    db: AsyncSession,
    task_id: uuid.UUID | str,
    *,
    owner: uuid.UUID | None = None,
    reason: str = "cancelled",
) -> CancelOutcome:
    """Revoke a pending task now; tell a running attempt to stop."""
    found = as_uuid(task_id)
    if found is None:
        return CancelOutcome.UNKNOWN
    # Again: between the two statements a pending task may start and a running one may be
    # given back. More often than that in a few milliseconds it cannot be.
    for _ in range(LOOKS):
        pending = queries.cancel_if_pending(found, owner, reason)
        if (cancelled := (await db.scalars(pending)).first()) is not None:
            await db.commit()
            events.changed([found])
            if cancelled.awaited:
                events.wake_agents()
            return CancelOutcome.REVOKED_NOW
        grace = get_settings().cancel_grace_seconds
        running = queries.request_cancel_if_running(found, owner, reason, grace)
        if (await db.scalars(running)).first():
            await db.commit()
            events.changed([found])
            events.wake_agents()
            return CancelOutcome.REQUESTED
        task = await find(db, found, owner)
        if task is None or task.status in FINISHED:
            break
    status = None if task is None else task.status  # a rollback forgets what was read
    await db.rollback()
    if status is None:
        return CancelOutcome.UNKNOWN
    if status == TaskStatus.REVOKED:
        return CancelOutcome.ALREADY_REVOKED
    return CancelOutcome.FINISHED


async def delete_task(
    db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
) -> bool:
    """Delete. False if it is unknown, or an unfinished task depends on it.

    A running one goes when it has stopped.
    """
    outcome = await delete(db, task_id, owner=owner)
    return outcome in (DeleteOutcome.REMOVED, DeleteOutcome.REQUESTED)


async def delete(
    db: AsyncSession, task_id: uuid.UUID | str, *, owner: uuid.UUID | None = None
) -> DeleteOutcome:
    """Remove a task that is not running; tell a running one to stop and remove it then.

    One on which an unfinished task depends stays: cancel that one first, or let it end.
    """
    found = as_uuid(task_id)
    if found is None:
        return DeleteOutcome.UNKNOWN
    # Locked by a statement of its own: whoever comes to need the task while this waits for the lock is
    # then seen by the next one. And what it is, it stays.
    if (await db.execute(queries.hold(found, owner))).first() is None:
        await db.rollback()
        return DeleteOutcome.UNKNOWN
    removed = (await db.execute(removal.remove_if_not_running(found, owner))).first()
    if removed:
        await db.commit()
        events.deleted([(removed.id, removed.user_id)])
        return DeleteOutcome.REMOVED
    grace = get_settings().cancel_grace_seconds
    requested = await db.execute(removal.request_delete_if_running(found, owner, grace))
    if requested.first() is None:
        await db.rollback()
        return DeleteOutcome.NEEDED
    await db.commit()
    events.changed([found])
    events.wake_agents()
    return DeleteOutcome.REQUESTED
