"""Statements of agents: leases, workers, duties."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, or_, select, update
from sqlalchemy.dialects.postgresql import Insert

from app.db.clock import after, now
from app.db.ids import before
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event
from app.models import Duty, Queue, Task, Worker
from app.queries.claims import Pair, pairs_in
from app.queries.guards import legal, legal_by_key
from app.queries.removal import is_needed
from app.queries.types import DeletedRows, InsertedRows, Rows


def renew(pairs: Iterable[Pair], lease_seconds: float) -> Update:
    """Extend leases. Touches no indexed column, so it stays a heap-only update.

    The rows are locked first: PostgreSQL computes the new values of an update before it waits
    for a lock, and a lease must not be shorter by that wait.
    """
    ours = (pairs_in(pairs), legal_by_key(Event.REPORT))
    locked = select(Task.id).where(*ours).order_by(Task.id).with_for_update().cte("locked")
    return (
        update(Task)
        .where(*ours, Task.id.in_(select(locked.c.id)))
        .values(lease_until=after(lease_seconds))
        .returning(Task.id, Task.celery_id)
    )


def read_back(pairs: Iterable[Pair]) -> Rows:
    """What became of claims whose renewal found no row."""
    ids = [task_id for task_id, _ in pairs]
    return select(Task.id, Task.celery_id, Task.status).where(Task.id.in_(ids))


def cancels(workers: list[str]) -> Rows:
    """Attempts of these workers that were told to stop."""
    return select(Task.id, Task.celery_id, Task.cancel_requested_at, Task.cancel_reason).where(
        legal(Event.REPORT), Task.worker.in_(workers), Task.cancel_requested_at.is_not(None)
    )


@cache
def lease_over(limit: int) -> Rows:
    """Running rows whose lease has passed. The condition is repeated in the UPDATE."""
    return select(Task).where(legal(Event.RESCUE_FAIL), Task.lease_until < now()).limit(limit)


def describe_worker(row: dict[str, Any]) -> Insert:
    """Write what an agent knows of one of its workers; `heartbeat_at` becomes now."""
    statement = upsert(Worker).values(**row, started_at=now(), heartbeat_at=now())
    return statement.on_conflict_do_update(
        index_elements=["name"], set_={**row, "heartbeat_at": now()}
    )


def forget_worker(name: str) -> Delete:
    """Remove a worker that has stopped."""
    return delete(Worker).where(Worker.name == name)


@cache
def forget_silent_workers(seconds: float) -> DeletedRows:
    """Remove workers not heard of for a long time."""
    return delete(Worker).where(Worker.heartbeat_at < after(-seconds)).returning(Worker.name)


def live_workers(silence_seconds: float) -> Select[Worker]:
    """Workers heard of within `silence_seconds`."""
    return select(Worker).where(Worker.heartbeat_at >= after(-silence_seconds))


@cache
def live_workers_values(silence_seconds: float) -> Rows:
    """Queues, slots, stopping and catalogue of workers heard of within `silence_seconds`."""
    return select(
        Worker.name, Worker.queues, Worker.slots, Worker.stopping, Worker.catalogue
    ).where(Worker.heartbeat_at >= after(-silence_seconds))


def other_versions(silence_seconds: float, catalogue_hash: str) -> Rows:
    """Catalogues of live workers that have other functions than those of `catalogue_hash`."""
    return select(Worker.catalogue).where(
        Worker.heartbeat_at >= after(-silence_seconds),
        Worker.catalogue_hash != catalogue_hash,
        Worker.stopping.is_(False),
    )


@cache
def windows() -> Rows:
    """What feeders read of each queue's consumers: `name, slots, window`."""
    return select(Queue.name, Queue.slots, Queue.window)


def set_window(queue: str, slots: int, window: int) -> Update:
    """What the agents see of a queue's consumers; feeders in every process read it."""
    return (
        update(Queue)
        .where(Queue.name == queue, or_(Queue.slots != slots, Queue.window != window))
        .values(slots=slots, window=window)
    )


@cache
def take_duty(name: str, holder: str, seconds: float) -> InsertedRows:
    """Take or keep charge of a duty; returns a row only to the one who has it now."""
    statement = upsert(Duty).values(name=name, holder=holder, lease_until=after(seconds))
    return statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": holder, "lease_until": after(seconds)},
        where=or_(Duty.holder == holder, Duty.lease_until < now()),
    ).returning(Duty.name)


def duty(name: str) -> Select[str, datetime, datetime]:
    """Who has charge of a duty, until when, and the database's time."""
    return select(Duty.holder, Duty.lease_until, now()).where(Duty.name == name)


def release_duties(holder: str) -> Delete:
    """Give up every duty, so that another agent need not wait for the lease."""
    return delete(Duty).where(Duty.holder == holder)


def finished_before(seconds: float, limit: int) -> Select[uuid.UUID]:
    """Tasks that finished more than `seconds` ago and that nobody needs, oldest first."""
    return (
        select(Task.id)
        .where(
            legal(Event.REMOVE),
            ~is_needed(),
            # A finished task is at least as old as its completion.
            Task.id < before(seconds),
            Task.completed_at < after(-seconds),
        )
        .order_by(Task.id)
        .limit(limit)
    )


def lock_finished_before(seconds: float, limit: int) -> Select[uuid.UUID]:
    """The same, locked.

    Locked first and removed by the next statement, which sees what has come to need one of them
    before the lock.
    """
    return finished_before(seconds, limit).with_for_update(skip_locked=True)
