"""Statements of a process that runs what waits by itself, without a broker and without waiting."""

from __future__ import annotations

from sqlalchemy import Update, or_, select, update

from app.db.clock import now
from app.domain.lifecycle import Event
from app.models import Task
from app.queries.guards import legal
from app.queries.types import Rows


def first_waiting() -> Rows:
    """The row of all queues whose turn it is."""
    return (
        select(Task.id, Task.queue, Task.priority)
        .where(
            legal(Event.FEED),
            Task.dispatched_at.is_(None),
            Task.rank.is_not(None),
            or_(Task.expires_at.is_(None), Task.expires_at > now()),
        )
        .order_by(Task.rank, Task.id)
        .limit(1)
    )


def bring_forward() -> Update:
    """Have the time come of the row that is due next: a retry, or one that is scheduled."""
    waits = (legal(Event.FEED), Task.rank.is_(None), Task.unmet_deps == 0)
    soonest = select(Task.id).where(*waits).order_by(Task.ready_at, Task.id).limit(1)
    return (
        update(Task).where(Task.id.in_(soonest), *waits).values(ready_at=now()).returning(Task.id)
    )
