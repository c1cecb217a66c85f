"""Statements about queues: what waits in them, pausing and resuming."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, Update, func, or_, select, update

from app.db.clock import now
from app.domain.lifecycle import Event
from app.models import Queue, Task
from app.queries.guards import legal


def all_queues() -> Select[Queue]:
    """The rows of queues that have been used or paused."""
    return select(Queue)


def exists(name: str) -> Select[str]:
    """Whether there is a row of that name, or a task that waits or runs in it."""
    known = select(Queue.name).where(Queue.name == name)
    used = select(Task.queue).where(Task.queue == name, or_(legal(Event.FEED), legal(Event.REPORT)))
    return select(known.union_all(used).subquery().c.name).limit(1)


def waiting_by_priority() -> Select[str, int, int, int, int, datetime | None, datetime]:
    """Pending tasks by queue and priority: ready, marked, not yet ready, the longest ready one,
    and the database's time.
    """
    ready = Task.ready_at <= now()
    return (
        select(
            Task.queue,
            Task.priority,
            func.count().filter(ready).label("ready"),
            func.count().filter(Task.dispatched_at.is_not(None)).label("dispatched"),
            func.count().filter(~ready).label("scheduled"),
            func.min(Task.ready_at).filter(ready).label("oldest"),
            now().label("time"),
        )
        .where(legal(Event.FEED))
        .group_by(Task.queue, Task.priority)
    )


def running() -> Select[str, int]:
    """Running tasks by queue."""
    return select(Task.queue, func.count()).where(legal(Event.REPORT)).group_by(Task.queue)


def pause(name: str, by: str) -> Update:
    """Note that the queue is paused; a second pause keeps the first one's time and author."""
    return (
        update(Queue)
        .where(Queue.name == name, Queue.paused_at.is_(None))
        .values(paused_at=now(), paused_by=by)
    )


def resume(name: str) -> Update:
    """Note that the queue is fed again."""
    return update(Queue).where(Queue.name == name).values(paused_at=None, paused_by=None)
