"""Statements that move rows into the broker's window and out of it again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    Update,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import Insert

from app.db.clock import after, micros, new_uuid, now
from app.db.lists import one_of
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event, Reason, target
from app.domain.rank import Priority
from app.models import Queue, Task, TaskRuntime
from app.queries.claims import Pair, pairs_in
from app.queries.guards import legal, legal_by_key
from app.queries.tasks import rank_of
from app.queries.types import Rows

_QUEUE = bindparam("queue_name", type_=Text())


@cache
def ensure_queue(name: str) -> Insert:
    """Make the queue's row, which feeders lock, if this is its first use."""
    return upsert(Queue).values(name=name).on_conflict_do_nothing(index_elements=["name"])


@cache
def lock_queue() -> Rows:
    """The row of `:queue_name`, locked. Waits: a feed that skipped instead would be a lost wake-up."""
    return (
        select(Queue.paused_at, Queue.slots, Queue.window, Queue.regulated, Queue.blocked)
        .where(Queue.name == _QUEUE)
        .with_for_update()
    )


@cache
def outstanding() -> Rows:
    """Marked rows of `:queue_name` by the priority under which their hints travel."""
    return (
        select(Task.dispatched_priority, func.count().label("hints"))
        .where(Task.queue == _QUEUE, legal(Event.FEED), Task.dispatched_at.is_not(None))
        .group_by(Task.dispatched_priority)
    )


@cache
def rank_ready(queue: str | None, ageing_seconds: float, limit: int) -> Update:
    """Give a rank to rows whose time has come: scheduled ones and waiting retries."""
    chosen = (
        select(Task.id)
        .where(
            legal(Event.FEED),
            Task.rank.is_(None),
            Task.unmet_deps == 0,
            Task.ready_at <= now(),
        )
        .order_by(Task.ready_at)
        .limit(limit)
    )
    if queue is not None:
        chosen = chosen.where(Task.queue == queue)
    return (
        update(Task)
        .where(Task.id.in_(chosen), legal(Event.FEED), Task.rank.is_(None))
        .values(rank=rank_of(Task.ready_at, Task.priority, ageing_seconds))
        .returning(Task.queue)
    )


def waits() -> tuple[ColumnElement[bool], ...]:
    """What makes a row of `:queue_name` one that may be handed out."""
    return (Task.queue == _QUEUE, *_has_no_hint())


def _has_no_hint() -> tuple[ColumnElement[bool], ...]:
    return (
        legal(Event.FEED),
        Task.dispatched_at.is_(None),
        Task.rank.is_not(None),
        or_(Task.expires_at.is_(None), Task.expires_at > now()),
    )


@cache
def queues_with_waiting() -> Rows:
    """Names of queues in which some row has no hint: one step through the index for each."""
    first = select(func.min(Task.queue).label("queue")).where(*_has_no_hint())
    found = first.cte("with_waiting", recursive=True)
    following = select(func.min(Task.queue)).where(*_has_no_hint(), Task.queue > found.c.queue)
    found = found.union_all(
        select(following.scalar_subquery()).where(found.c.queue.is_not(None)).select_from(found)
    )
    return select(found.c.queue).where(found.c.queue.is_not(None))


@cache
def is_waiting() -> Select[uuid.UUID]:
    """Some row of `:queue_name` that has no hint, if there is one."""
    return select(Task.id).where(*waits()).limit(1)


@cache
def waiting() -> Rows:
    """The best `:room` rows of `:queue_name` that have no hint, with the database's time in µs.

    None of those that others may pass: `app.queries.lanes`.
    """
    return (
        select(Task.id, Task.rank, Task.user_id, micros(now()).label("now_micros"))
        .where(*waits(), Task.lane == "")
        .order_by(Task.rank, Task.id)
        .limit(bindparam("room", type_=Integer()))
    )


@cache
def mark(*, parked: bool = False) -> Update:
    """Mark rows `:ids` of `:queue_name` as dispatched under `:level`.

    One that was cancelled, moved, put off or marked meanwhile is left out. Those that may be `parked`
    come back, if they do, among everybody's: by then nobody may look into lanes any more.
    """
    lane = {"lane": ""} if parked else {}
    return (
        update(Task)
        .where(
            one_of(Task.id, "ids"),
            legal_by_key(Event.FEED),
            Task.queue == _QUEUE,
            Task.dispatched_at.is_(None),
            Task.rank.is_not(None),
        )
        .values(
            dispatched_at=now(),
            dispatched_priority=bindparam("level", type_=Integer()),
            **lane,
        )
        .returning(
            Task.id,
            Task.celery_id,
            Task.celery_task_name,
            Task.rank,
            Task.burst,
            Task.time_limit,
            Task.soft_time_limit,
            # As text: only a message of one row shows its arguments to a monitor.
            type_coerce(Task.args, Text).label("args"),
            type_coerce(Task.kwargs, Text).label("kwargs"),
            Task.trace_context,
        )
    )


def _take_back() -> dict[str, object]:
    return {"dispatched_at": None, "dispatched_priority": None, "celery_id": new_uuid()}


def unmark(pairs: Iterable[Pair]) -> Update:
    """Take marks back; the hints, wherever they are, lose at the claim from now on."""
    return (
        update(Task)
        .where(pairs_in(pairs), legal_by_key(Event.FEED), Task.dispatched_at.is_not(None))
        .values(**_take_back())
        .returning(Task.id, Task.queue)
    )


def unmark_queue(queue: str) -> Update:
    """Take all marks of a queue back. Pausing does this."""
    return (
        update(Task)
        .where(Task.queue == queue, legal(Event.FEED), Task.dispatched_at.is_not(None))
        .values(**_take_back())
        .returning(Task.id)
    )


@cache
def marked(queue: str, older_than_seconds: float) -> Select[uuid.UUID, uuid.UUID]:
    """`(id, celery_id)` of rows marked at least that long ago: their hints should be out."""
    return select(Task.id, Task.celery_id).where(
        Task.queue == queue,
        legal(Event.FEED),
        Task.dispatched_at.is_not(None),
        Task.dispatched_at < after(-older_than_seconds),
    )


def marked_ids(queue: str) -> Select[uuid.UUID]:
    """The ids under which every marked row of a queue may be claimed."""
    return select(Task.celery_id).where(
        Task.queue == queue, legal(Event.FEED), Task.dispatched_at.is_not(None)
    )


@cache
def outgrown(ageing_seconds: float, limit: int) -> Select[uuid.UUID, uuid.UUID]:
    """Marked rows that have aged past the priority under which their hint travels."""
    step = round(ageing_seconds * 1_000_000)
    aged = literal(Priority.LOW) + (micros(now()) - Task.rank) // step
    capped = case((aged > Priority.HIGH, literal(int(Priority.HIGH))), else_=aged)
    return (
        select(Task.id, Task.celery_id)
        .where(
            legal(Event.FEED),
            Task.dispatched_at.is_not(None),
            Task.priority < Priority.CRITICAL,
            Task.dispatched_priority < capped,
        )
        .limit(limit)
    )


@cache
def queues_with_marks() -> Select[str]:
    """Queues that have rows in the broker."""
    return select(Task.queue).where(legal(Event.FEED), Task.dispatched_at.is_not(None)).distinct()


@cache
def expire(limit: int) -> Update:
    """Revoke rows whose `expires_at` passed before they started."""
    chosen = (
        select(Task.id)
        .where(
            legal(Event.EXPIRE),
            Task.expires_at.is_not(None),
            Task.expires_at <= now(),
        )
        .limit(limit)
    )
    return (
        update(Task)
        .where(Task.id.in_(chosen), legal(Event.EXPIRE))
        .values(
            status=target(Event.EXPIRE).value,
            reason=Reason.EXPIRED.value,
            completed_at=now(),
            updated_at=now(),
            dispatched_at=None,
            dispatched_priority=None,
            version=Task.version + 1,
        )
        .returning(Task.id)
    )


@cache
def pending_names() -> Select[str]:
    """Names of functions that marked rows wait for: at most a window's worth of rows a queue."""
    return (
        select(Task.celery_task_name)
        .where(legal(Event.FEED), Task.dispatched_at.is_not(None))
        .distinct()
    )


def reject_unknown(name: str, error: dict[str, Any], limit: int) -> Update:
    """Fail rows whose function no live worker knows."""
    chosen = (
        select(Task.id)
        .where(
            legal(Event.REJECT),
            Task.celery_task_name == name,
            Task.dispatched_at.is_not(None),
        )
        .limit(limit)
    )
    return (
        update(Task)
        .where(Task.id.in_(chosen), legal(Event.REJECT))
        .values(
            status=target(Event.REJECT).value,
            reason=Reason.NOT_REGISTERED.value,
            error=error,
            completed_at=now(),
            updated_at=now(),
            dispatched_at=None,
            dispatched_priority=None,
            version=Task.version + 1,
        )
        .returning(Task.id, Task.queue)
    )


@cache
def runtimes_values() -> Select[str, int, float, float]:
    """How long functions run: name, samples, mean and peak in seconds."""
    return select(
        TaskRuntime.celery_task_name,
        TaskRuntime.samples,
        TaskRuntime.mean_seconds,
        TaskRuntime.peak_seconds,
    )


def fold_runtime(name: str, samples: int, mean: float, peak: float) -> Insert:
    """Blend what one agent measured into what is known of a function.

    The mean is an exponential one over about 1,000 attempts; the peak falls slowly, so that a
    rare slow attempt is remembered for a while.
    """
    statement = upsert(TaskRuntime).values(
        celery_task_name=name,
        samples=samples,
        mean_seconds=mean,
        peak_seconds=peak,
        updated_at=now(),
    )
    weight = min(1.0, samples / 1000)
    known = TaskRuntime
    return statement.on_conflict_do_update(
        index_elements=["celery_task_name"],
        set_={
            "samples": known.samples + samples,
            "mean_seconds": known.mean_seconds * (1 - weight) + mean * weight,
            "peak_seconds": case(
                (known.peak_seconds * 0.9 > peak, known.peak_seconds * 0.9), else_=peak
            ),
            "updated_at": now(),
        },
    )
