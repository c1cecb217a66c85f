"""Statements about limits: the rows, what they count, and when they let tasks out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Delete,
    Integer,
    Select,
    Text,
    Update,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert

from app.db.clock import now
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event
from app.models import Limit, LimitKind, LimitUse, Queue, Task
from app.queries.guards import legal
from app.queries.types import DeletedRows, Rows

_QUEUE = bindparam("queue_name", type_=Text())
_RULE = (Limit.kind, Limit.name, Limit.concurrency, Limit.rate_count, Limit.rate_seconds)


@cache
def lock_for_feed() -> Rows:
    """The limits that a task of `:queue_name` may come under, locked in the order of their keys.

    Two queues may share a task's or a key's: their feeds count one after the other.
    """
    return (
        select(*_RULE)
        .where(or_(Limit.kind != LimitKind.QUEUE.value, Limit.name == _QUEUE))
        .order_by(Limit.kind, Limit.name)
        .with_for_update()
    )


@cache
def held() -> Any:
    """What counts against concurrency, of all queues: `queue, celery_task_name, limit_key, marked`
    (1: handed out and not started, 0: running), and how many.
    """
    counted = (Task.queue, Task.celery_task_name, Task.limit_key)
    marked = (
        select(*counted, literal(1, Integer()).label("marked"), func.count().label("number"))
        .where(legal(Event.FEED), Task.dispatched_at.is_not(None))
        .group_by(*counted)
    )
    running = (
        select(*counted, literal(0, Integer()).label("marked"), func.count().label("number"))
        # Named so that SQLite takes the index of what runs, not that of all that is unfinished.
        .where(legal(Event.REPORT), Task.worker.is_not(None))
        .group_by(*counted)
    )
    return union_all(marked, running)


def uses(buckets: Sequence[str]) -> Rows:
    """When these buckets let tasks out."""
    return select(LimitUse.bucket, LimitUse.slots).where(LimitUse.bucket.in_(list(buckets)))


def uses_of_keys(limit: int) -> Rows:
    """When buckets of keys let tasks out, of so many of those that still say something."""
    of_key = LimitUse.bucket.startswith(f"{LimitKind.KEY}:")
    use = select(LimitUse.bucket, LimitUse.slots)
    return use.where(of_key, LimitUse.over_at > now()).limit(limit)


@cache
def keep_uses() -> Insert:
    """Write `bucket, slots, over_at` of one bucket."""
    statement = upsert(LimitUse).values(
        bucket=bindparam("bucket"), slots=bindparam("slots"), over_at=bindparam("over_at")
    )
    return statement.on_conflict_do_update(
        index_elements=["bucket"],
        set_={"slots": statement.excluded.slots, "over_at": statement.excluded.over_at},
    )


def forget_uses(limit: int) -> DeletedRows:
    """Remove what says nothing any more, at most so many."""
    over = select(LimitUse.bucket).where(LimitUse.over_at < now()).limit(limit)
    mine = (LimitUse.bucket.in_(over), LimitUse.over_at < now())
    return delete(LimitUse).where(*mine).returning(LimitUse.bucket)


@cache
def regulate() -> Update:
    """Note whether the feed of `:queue_name` has to mind anything, and whether tasks wait for a limit."""
    return (
        update(Queue)
        .where(Queue.name == _QUEUE)
        .values(regulated=bindparam("minds"), blocked=bindparam("waits"))
    )


def lock_queues() -> Select[str]:
    """All queues' names, locked in their order: nobody feeds until the transaction ends."""
    return select(Queue.name).order_by(Queue.name).with_for_update()


def regulate_all() -> Update:
    """Have every feed mind limits."""
    return update(Queue).values(regulated=True)


def all_limits() -> Select[Limit]:
    """Every limit, by kind and name."""
    return select(Limit).order_by(Limit.kind, Limit.name)


def find(kind: str, name: str) -> Select[Limit]:
    """One limit."""
    return select(Limit).where(Limit.kind == kind, Limit.name == name)


def count() -> Select[int]:
    """How many limits there are."""
    return select(func.count()).select_from(Limit)


def put(
    kind: str,
    name: str,
    *,
    concurrency: int | None,
    rate_count: int | None,
    rate_seconds: float | None,
    by: str,
) -> Insert:
    """Make a limit, or change the one that is there."""
    given = {
        "concurrency": concurrency,
        "rate_count": rate_count,
        "rate_seconds": rate_seconds,
        "updated_by": by,
        "updated_at": now(),
    }
    statement = upsert(Limit).values(kind=kind, name=name, **given)
    return statement.on_conflict_do_update(index_elements=["kind", "name"], set_=given)


def of_tasks() -> Rows:
    """The limits of functions."""
    return select(*_RULE, Limit.updated_by).where(Limit.kind == LimitKind.TASK.value)


def put_declared(kind: str, name: str, rate_count: int, rate_seconds: float) -> Insert:
    """The rate that the code says, unless somebody has said otherwise."""
    given = {"rate_count": rate_count, "rate_seconds": rate_seconds, "updated_at": now()}
    statement = upsert(Limit).values(kind=kind, name=name, **given)
    return statement.on_conflict_do_update(
        index_elements=["kind", "name"], set_=given, where=Limit.updated_by.is_(None)
    )


def remove_declared(kind: str, name: str) -> Delete:
    """The code says none any more."""
    return remove(kind, name).where(Limit.updated_by.is_(None))


def remove(kind: str, name: str) -> Delete:
    """Lift a limit."""
    return delete(Limit).where(Limit.kind == kind, Limit.name == name)


def touch_keys() -> Update:
    """Limits of keys cover each other's tasks from now on differently."""
    return update(Limit).where(Limit.kind == LimitKind.KEY.value).values(updated_at=now())


def all_rules() -> Rows:
    """Every limit, and since when it has been so."""
    return select(*_RULE, Limit.updated_at).order_by(Limit.kind, Limit.name)


def held_since(moment: datetime) -> Any:
    """As `held`, without the difference, of tasks that were handed out after `moment`."""
    counted = (Task.queue, Task.celery_task_name, Task.limit_key)
    return (
        select(*counted, func.count().label("number"))
        .where(or_(legal(Event.FEED), legal(Event.REPORT)), Task.dispatched_at > moment)
        .group_by(*counted)
    )
