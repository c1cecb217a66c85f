"""Statements about lanes: where rows wait that others may pass.

A row is born in the lane of everybody, which has no name. One that has to wait for a limit, or behind
many others of its owner, is moved into a lane of its own kind, once, so that the next look does not meet
it again. Each lane is in order of rank, in the same index.
"""

from __future__ import annotations

import uuid
from functools import cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    Update,
    Uuid,
    bindparam,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from app.db.clock import micros, now
from app.db.lists import one_of
from app.domain.lifecycle import ACTIVE, Event
from app.models import Task
from app.queries.feed import waits
from app.queries.guards import legal, legal_by_key, status_in
from app.queries.types import Rows

EVERYBODY = ""
# Between the owner, the function and the key in a lane's name: no name has it in it.
SEPARATOR = "\x1f"
_LEAST = uuid.UUID(int=0)
_QUEUE = bindparam("queue_name", type_=Text())


@cache
def heads(*, until: bool = False) -> Rows:
    """The next `:most` lanes of `:queue_name` behind `:behind` that hold a row, each with its best rank.

    In order, and none beyond `:until` where one is given. One step through the index for each, however
    many rows they hold.
    """
    bounds = [Task.lane <= bindparam("until", type_=Text())] if until else []
    behind = Task.lane > bindparam("behind", type_=Text())
    first = select(func.min(Task.lane)).where(*waits(), behind, *bounds).scalar_subquery()
    begin = select(first.label("lane"), literal(1, Integer()).label("number"))
    lanes = begin.cte("lanes", recursive=True)
    following = select(func.min(Task.lane)).where(*waits(), Task.lane > lanes.c.lane, *bounds)
    more = (lanes.c.lane.is_not(None), lanes.c.number < bindparam("most", type_=Integer()))
    lanes = lanes.union_all(
        select(following.scalar_subquery(), lanes.c.number + 1).where(*more).select_from(lanes)
    )
    best = select(func.min(Task.rank)).where(*waits(), Task.lane == lanes.c.lane).scalar_subquery()
    found = select(lanes.c.lane, best.label("rank")).where(lanes.c.lane.is_not(None))
    return found.order_by(lanes.c.number)


@cache
def in_lane() -> Rows:
    """The next `:room` rows in `:lane` of `:queue_name`, behind `:rank` and `:id`."""
    place = tuple_(Task.rank, Task.id)
    behind = tuple_(bindparam("rank", type_=BigInteger()), bindparam("id", type_=Uuid()))
    return (
        select(
            Task.id,
            Task.rank,
            Task.user_id,
            Task.celery_task_name,
            Task.limit_key,
            micros(now()).label("now_micros"),
        )
        .where(*waits(), Task.lane == bindparam("lane", type_=Text()), place > behind)
        .order_by(Task.rank, Task.id)
        .limit(bindparam("room", type_=Integer()))
    )


@cache
def park(*, by_function: bool, by_key: bool) -> Update:
    """Move rows `:ids` of `:queue_name` into the lane of their owner, and of what limits them."""
    owner = func.coalesce(cast(Task.user_id, Text), "")
    function = Task.celery_task_name if by_function else literal("", Text())
    key = func.coalesce(Task.limit_key, "") if by_key else literal("", Text())
    separator = literal(SEPARATOR, Text())
    return (
        update(Task)
        .where(
            one_of(Task.id, "ids"),
            legal_by_key(Event.FEED),
            Task.queue == _QUEUE,
            Task.dispatched_at.is_(None),
        )
        .values(lane=owner.concat(separator).concat(function).concat(separator).concat(key))
    )


@cache
def outstanding() -> Rows:
    """Marked rows of `:queue_name` by owner and the priority under which their hints travel."""
    return (
        select(Task.dispatched_priority, Task.user_id, func.count())
        .where(Task.queue == _QUEUE, legal(Event.FEED), Task.dispatched_at.is_not(None))
        .group_by(Task.dispatched_priority, Task.user_id)
    )


@cache
def others_wait(*, than_system: bool) -> Select[bool]:
    """Whether anybody but `:owner`, or but the system, has a task that is pending."""

    def pending(*whose: ColumnElement[bool]) -> ColumnElement[bool]:
        # The first says which index: it holds the unfinished of each owner.
        active = status_in(Task.status, ACTIVE)
        return exists().where(active, legal(Event.FEED), *whose)

    if than_system:
        # Not IS NOT NULL, for which SQLite goes through the index from its beginning.
        return select(pending(Task.user_id >= literal(_LEAST, Uuid())).label("others"))
    owner = bindparam("owner", type_=Uuid())
    less, more = pending(Task.user_id < owner), pending(Task.user_id > owner)
    return select(or_(pending(Task.user_id.is_(None)), less, more).label("others"))


def owner_of(lane: str) -> tuple[uuid.UUID | None, str, str | None]:
    """Owner, function and key in a lane's name; what it does not say is None or empty."""
    owner, function, key = lane.split(SEPARATOR)
    return uuid.UUID(owner) if owner else None, function, key or None
