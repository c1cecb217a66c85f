"""Cancelling and deleting."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import events
from app.core.config import get_settings
from app.domain.lifecycle import FINISHED, Reason, TaskStatus
from app.queries import removal
from app.queries import tasks as queries
from app.services.announcing import tell_endings_after_commit
from app.services.finding import as_uuid


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
    reason: str = Reason.CANCELLED,
) -> CancelOutcome:
    """Revoke a pending task now; tell a running attempt to stop."""
    found = as_uuid(task_id)
    if found is None:
        return CancelOutcome.UNKNOWN
    outcome = (await cancel_each(db, [found], owner=owner, reason=reason))[found]
    await _end(db, acted=outcome in (CancelOutcome.REVOKED_NOW, CancelOutcome.REQUESTED))
    return outcome


async def cancel_each(
    db: AsyncSession,
    ids: Sequence[uuid.UUID],
    *,
    owner: uuid.UUID | None,
    reason: str = Reason.CANCELLED,
) -> dict[uuid.UUID, CancelOutcome]:
    """The same for many, in the caller's transaction, after whose commit it is told."""
    # Locked first: otherwise a pending task may start, and a running one be given back, between the
    # two statements that follow. And what it is, it stays.
    held = (await db.execute(queries.hold(ids, owner))).all()
    outcomes = dict.fromkeys(ids, CancelOutcome.UNKNOWN)
    outcomes |= {row.id: _of_finished(row.status) for row in held if row.status in FINISHED}
    # One that was handed out leaves a place under its limits.
    agents = _any_handed_out(held)
    if pending := [row.id for row in held if row.status == TaskStatus.PENDING]:
        revoked = await db.execute(queries.cancel_if_pending(pending, owner, reason))
        for row in revoked:
            outcomes[row.id] = CancelOutcome.REVOKED_NOW
            agents |= row.awaited
    if running := [row.id for row in held if row.status == TaskStatus.RUNNING]:
        grace = get_settings().cancel_grace_seconds
        told = queries.request_cancel_if_running(running, owner, reason, grace)
        outcomes |= dict.fromkeys(await db.scalars(told), CancelOutcome.REQUESTED)
    tell_endings_after_commit(db, [*pending, *running], agents=agents or bool(running))
    return outcomes


def _any_handed_out(held: Sequence[Any]) -> bool:
    return any(row.status == TaskStatus.PENDING and row.dispatched_at for row in held)


def _of_finished(status: str) -> CancelOutcome:
    revoked = status == TaskStatus.REVOKED
    return CancelOutcome.ALREADY_REVOKED if revoked else CancelOutcome.FINISHED


async def _end(db: AsyncSession, *, acted: bool) -> None:
    """A refusal leaves nothing behind."""
    await (db.commit() if acted else db.rollback())


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
    outcome = (await delete_each(db, [found], owner=owner))[found]
    await _end(db, acted=outcome in (DeleteOutcome.REMOVED, DeleteOutcome.REQUESTED))
    return outcome


async def delete_each(
    db: AsyncSession, ids: Sequence[uuid.UUID], *, owner: uuid.UUID | None
) -> dict[uuid.UUID, DeleteOutcome]:
    """The same for many, in the caller's transaction, after whose commit it is told."""
    # Locked by a statement of its own: whoever comes to need a task while this waits for the lock is
    # then seen by the next one. And what it is, it stays.
    held = (await db.execute(queries.hold(ids, owner))).all()
    left = {row.id for row in held}
    outcomes = dict.fromkeys(ids, DeleteOutcome.UNKNOWN) | dict.fromkeys(left, DeleteOutcome.NEEDED)
    deleted: list[events.Deleted] = []
    # Again: one that has gone may be what needed another one.
    while left and (gone := await _remove(db, sorted(left), owner)):
        deleted += gone
        left -= {task_id for task_id, _ in gone}
    outcomes |= {task_id: DeleteOutcome.REMOVED for task_id, _ in deleted}
    stopping: list[uuid.UUID] = []
    if left:
        grace = get_settings().cancel_grace_seconds
        told = removal.request_delete_if_running(sorted(left), owner, grace)
        stopping = list(await db.scalars(told))
    outcomes |= dict.fromkeys(stopping, DeleteOutcome.REQUESTED)
    agents = bool(stopping) or _any_handed_out(held)
    tell_endings_after_commit(db, stopping, deleted=deleted, agents=agents)
    return outcomes


async def _remove(
    db: AsyncSession, ids: Sequence[uuid.UUID], owner: uuid.UUID | None
) -> list[events.Deleted]:
    removed = await db.execute(removal.remove_if_not_running(ids, owner))
    return [(row.id, row.user_id) for row in removed]
