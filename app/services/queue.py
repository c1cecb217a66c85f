"""Queues: what waits in them, and holding them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import dispatch, events
from app.core.errors import NotFound
from app.domain.rank import Priority
from app.queries import feed
from app.queries import queues as queries
from app.services.catalogue import catalogue
from app.services.transactions import again_if_locked, undone_if_refused
from app.services.worker import count_by_queue


@dataclass(slots=True)
class QueueState:
    """One queue at one moment. `depth` counts tasks that are ready and not started."""

    name: str
    paused_at: datetime | None = None
    paused_by: str | None = None
    depth: int = 0
    depth_by_priority: dict[str, int] = field(
        default_factory=lambda: {level.name.lower(): 0 for level in Priority}
    )
    dispatched: int = 0
    scheduled: int = 0
    running: int = 0
    oldest_wait_seconds: float | None = None
    workers: int = 0

    @property
    def paused(self) -> bool:
        """Whether its tasks are held back."""
        return self.paused_at is not None


async def list_queues(db: AsyncSession) -> list[QueueState]:
    """Every known queue, and those that still hold tasks, by name."""
    states: dict[str, QueueState] = {name: QueueState(name) for name in catalogue().queues}

    def state(name: str) -> QueueState:
        return states.setdefault(name, QueueState(name))

    for queue in await db.scalars(queries.all_queues()):
        state(queue.name).paused_at = queue.paused_at
        state(queue.name).paused_by = queue.paused_by
    for row in await db.execute(queries.waiting_by_priority()):
        _add_waiting(state(row.queue), row)
    for name, running in await db.execute(queries.running()):
        state(name).running = running
    for name, served in (await count_by_queue(db)).items():
        state(name).workers = served
    return [states[name] for name in sorted(states)]


@undone_if_refused
async def get_queue(db: AsyncSession, name: str) -> QueueState:
    """One queue. Raises `NotFound` for one that is neither known nor holds tasks."""
    for state in await list_queues(db):
        if state.name == name:
            return state
    raise _unknown(name)


@undone_if_refused
@again_if_locked  # claims lock many of its rows too, in the order of their hints
async def pause(db: AsyncSession, name: str, by: str) -> QueueState:
    """Hold the queue's tasks back: none is handed out any more, those that run go on.

    Pausing again changes nothing. Raises `NotFound`.
    """
    await _require(db, name)
    await db.execute(feed.ensure_queue(name))
    await db.execute(feed.lock_queue(), {"queue_name": name})
    await db.execute(queries.pause(name, by))
    # Hints that are in the broker already lose at the claim once their rows are unmarked.
    held_back = (await db.scalars(feed.unmark_queue(name))).all()
    await db.commit()
    events.changed(held_back)
    if held_back:
        events.wake_agents()  # they leave places under limits that other queues share
    return await _state_after(db, name)


@undone_if_refused
async def resume(db: AsyncSession, name: str) -> QueueState:
    """Hand the queue's tasks out again. Raises `NotFound`."""
    await _require(db, name)
    await db.execute(queries.resume(name))
    await db.commit()
    dispatch.wake(name)
    return await _state_after(db, name)


async def _state_after(db: AsyncSession, name: str) -> QueueState:
    """Read the queue and end the transaction: on SQLite it would hold up every writer."""
    state = await get_queue(db, name)
    await db.commit()
    return state


def _add_waiting(state: QueueState, row: Any) -> None:
    state.depth += row.ready
    state.depth_by_priority[Priority(row.priority).name.lower()] += row.ready
    state.dispatched += row.dispatched
    state.scheduled += row.scheduled
    if row.oldest is not None:
        waited = max(0.0, (row.time - row.oldest).total_seconds())
        state.oldest_wait_seconds = max(state.oldest_wait_seconds or 0.0, waited)


async def _require(db: AsyncSession, name: str) -> None:
    if name in catalogue().queues:
        return
    if await db.scalar(queries.exists(name)):
        return
    raise _unknown(name)


def _unknown(name: str) -> NotFound:
    known = ", ".join(sorted(catalogue().queues))
    return NotFound(f"There is no queue {name!r}; known: {known}")
