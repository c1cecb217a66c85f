"""What a new task needs: looked at, locked and written down in the transaction that makes it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Invalid
from app.domain.lifecycle import ACTIVE, Event, TaskStatus
from app.queries import dependencies as queries

FAIL, RUN = "fail", "run"


async def lock_needed(
    db: AsyncSession, row: dict[str, Any], owner: uuid.UUID | None
) -> dict[uuid.UUID, str]:
    """The status of every task that `row` needs; none of them can finish until the commit.

    Sets `unmet_deps`, and takes the row its place in the queue as long as that is not zero.
    Raises `Invalid` for one that does not exist, or is somebody else's, which is the same.
    """
    wanted = [uuid.UUID(each) for each in row["depends_on"] or ()]
    if not wanted:
        return {}
    found = (await db.execute(queries.lock_needed(wanted, owner))).all()
    _require_all(wanted, {each.id for each in found})
    unfinished = [each for each in found if each.status in ACTIVE]
    if unaware := [each.id for each in unfinished if not each.awaited]:
        await db.execute(queries.await_them(unaware))
    if unfinished:
        row |= {"unmet_deps": len(unfinished), "rank": None}
    return {each.id: each.status for each in found}


def _require_all(wanted: list[uuid.UUID], found: set[uuid.UUID]) -> None:
    errors = [
        {
            "loc": ["body", "depends_on", index],
            "msg": f"task {each} does not exist",
            "type": "unknown_task",
        }
        for index, each in enumerate(wanted)
        if each not in found
    ]
    if errors:
        raise Invalid(str(errors[0]["msg"]), errors=errors)


async def keep_edges(
    db: AsyncSession, task_id: uuid.UUID, needed: dict[uuid.UUID, str], policy: str
) -> bool:
    """Write the edges of a new task. False if one that it needs has ended it already."""
    if not needed:
        return True
    edges = [
        {"task_id": task_id, "needs_id": each, "told": status not in ACTIVE}
        for each, status in needed.items()
    ]
    await db.execute(queries.insert_edges(edges))
    ending = ending_of(
        [each for each, status in needed.items() if status == TaskStatus.FAILED],
        [each for each, status in needed.items() if status == TaskStatus.REVOKED],
    )
    if policy == RUN or ending is None:
        return True
    event, why = ending
    await db.execute(queries.end(event), {"task": task_id, "why": why})
    return False


def ending_of(
    failed: list[uuid.UUID], revoked: list[uuid.UUID]
) -> tuple[Event, dict[str, Any]] | None:
    """How a task ends that needs these, by the policy `fail`; None if nothing speaks against it."""
    if failed:
        return Event.DEPENDENCY_FAILED, why(Event.DEPENDENCY_FAILED, failed[0])
    if revoked:
        return Event.DEPENDENCY_REVOKED, why(Event.DEPENDENCY_REVOKED, revoked[0])
    return None


def why(event: Event, culprit: uuid.UUID) -> dict[str, Any]:
    """The `error` of a task that ends because of `culprit`, which it needs."""
    ended = "failed" if event is Event.DEPENDENCY_FAILED else "was revoked or deleted"
    return {
        "type": event.value,
        "message": f"task {culprit}, on which it depends, {ended}",
        "traceback": None,
        "attempt": 0,
    }
