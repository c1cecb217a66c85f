"""Why a task is not running now: every reason, the one that has to go first before the others."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import FINISHED, TaskStatus
from app.services.explain import pending, started
from app.services.explain.facts import Facts, read_facts
from app.services.explain.reason import Reason
from app.services.finding import find

__all__ = ["Explanation", "Reason", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a task stood at one moment of the database's clock. There is always a reason."""

    task_id: uuid.UUID
    status: str
    asked_at: datetime
    reasons: Sequence[Reason]


async def explain(
    db: AsyncSession, task_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> Explanation | None:
    """Why the task is not running, or, if it is, where; None if there is no such task."""
    task = await find(db, task_id, owner)
    if task is None:
        return None
    facts = await read_facts(db, task, owner)
    return Explanation(task.id, task.status, facts.now, _reasons_for(facts))


def _reasons_for(facts: Facts) -> list[Reason]:
    status = TaskStatus(facts.task.status)
    if status in FINISHED:
        return [started.finished(facts)]
    possible = started.OF_RUNNING if status is TaskStatus.RUNNING else pending.OF_PENDING
    return [reason for why in possible if (reason := why(facts))] or [pending.ready(facts)]
