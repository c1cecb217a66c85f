"""Statements behind `/metrics`.

None goes through the tasks. Each reads what is added up already, or what is few by nature (what runs,
what is in the broker), or at most `:most` rows along an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import Insert

from app.db.clock import after
from app.db.upsert import insert as upsert
from app.domain.lifecycle import Event
from app.domain.webhook import DeliveryStatus
from app.models import (
    AuditEntry,
    Duty,
    QueueTotal,
    Schedule,
    SystemCounter,
    Task,
    Webhook,
    WebhookDelivery,
    Worker,
)
from app.queries import feed
from app.queries.guards import legal
from app.queries.types import Rows

_MOST = bindparam("most", type_=Integer())
_SUMS = ("created", "started", "succeeded", "failed", "revoked", "waits", "runs")
# An action that is not completed after this long will hardly be.
ACTION_SECONDS = 60.0
# How far back they are looked for.
ACTIONS_SINCE_SECONDS = 3600.0


# -- what waits and what runs ------------------------------------------------------------------


@cache
def next_waiting() -> Rows:
    """`priority, number, oldest` of the first `:most` rows of `:queue_name` that have no hint, in
    the order in which they will be handed out.
    """
    first = (
        select(Task.priority, Task.ready_at)
        .where(*feed.waits())
        .order_by(Task.lane, Task.rank, Task.id)
        .limit(_MOST)
        .subquery("first")
        .c
    )
    number, oldest = func.count().label("number"), func.min(first.ready_at).label("oldest")
    return select(first.priority, number, oldest).group_by(first.priority)


@cache
def marked() -> Rows:
    """`queue, priority, number, oldest` of the rows in the broker: not more than the windows hold.

    Grouped in the order of their index, so that SQLite takes it.
    """
    number, oldest = func.count().label("number"), func.min(Task.ready_at).label("oldest")
    return (
        select(Task.queue, Task.priority, number, oldest)
        .where(legal(Event.FEED), Task.dispatched_at.is_not(None))
        .group_by(Task.queue, Task.dispatched_priority, Task.priority)
    )


@cache
def not_ready() -> Rows:
    """`queue, number` of rows whose time has not come, of the `:most` that are due first."""
    first = (
        select(Task.queue)
        # As the index says it, or SQLite would not see that it holds them.
        .where(legal(Event.FEED), Task.rank.is_(None), Task.unmet_deps == literal_column("0"))
        .order_by(Task.ready_at)
        .limit(_MOST)
        .subquery("first")
        .c
    )
    return select(first.queue, func.count().label("number")).group_by(first.queue)


@cache
def running() -> Rows:
    """`worker, queue, number` of what runs."""
    return (
        select(Task.worker, Task.queue, func.count().label("number"))
        # Named so that SQLite takes the index of what runs, not that of all that is unfinished.
        .where(legal(Event.REPORT), Task.worker.is_not(None))
        .group_by(Task.worker, Task.queue)
    )


# -- what has ever happened ----------------------------------------------------------------------


@cache
def totals() -> Rows:
    """What has ever happened, by queue."""
    return select(*QueueTotal.__table__.c)


def totals_of(queues: Sequence[str]) -> Rows:
    """The same of these queues."""
    return totals().where(QueueTotal.queue.in_(list(queues)))


@cache
def write_total() -> Insert:
    """Write a queue's sums, whatever they were. Only under the fold's lock."""
    statement = upsert(QueueTotal)
    return statement.on_conflict_do_update(
        index_elements=["queue"], set_={name: statement.excluded[name] for name in _SUMS}
    )


@cache
def counters() -> Rows:
    """`name, label, value` of all that agents count."""
    return select(SystemCounter.name, SystemCounter.label, SystemCounter.value)


@cache
def add_to_counter() -> Insert:
    """Add to a counter. Parameters: `name`, `label`, `value`."""
    statement = upsert(SystemCounter)
    added = SystemCounter.value + statement.excluded.value
    return statement.on_conflict_do_update(index_elements=["name", "label"], set_={"value": added})


# -- who is alive ----------------------------------------------------------------------------------


@cache
def live_workers(silence_seconds: float) -> Rows:
    """`name, queues, slots, stopping` of main processes heard of within that time."""
    return select(Worker.name, Worker.queues, Worker.slots, Worker.stopping).where(
        Worker.heartbeat_at >= _once(after(-silence_seconds))
    )


@cache
def duties() -> Rows:
    """`name, lease_until` of the duties that somebody has."""
    return select(Duty.name, Duty.lease_until)


# -- schedules, webhooks, audit log --------------------------------------------------------------


@cache
def next_slot() -> Rows:
    """`slot`: the earliest one that is to fire, if there is any."""
    first = select(Schedule.next_fire.label("slot")).where(*_fires())
    return first.order_by(Schedule.next_fire).limit(1)


@cache
def schedules() -> Rows:
    """`number` of schedules that are to fire, of `:most`."""
    return _number_of(select(literal(1).label("one")).select_from(Schedule).where(*_fires()))


def _fires() -> tuple[ColumnElement[bool], ...]:
    return Schedule.paused_at.is_(None), Schedule.next_fire.is_not(None)


@cache
def webhooks() -> Rows:
    """`failing`: active ones whose last attempt failed; `disabled`: those that the system switched off."""
    failing = func.count().filter(Webhook.active, Webhook.failing_since.is_not(None))
    disabled = func.count().filter(Webhook.disabled_reason.is_not(None))
    return select(failing.label("failing"), disabled.label("disabled"))


@cache
def waiting_deliveries() -> Rows:
    """`number` of deliveries that are to be sent, of `:most`."""
    pending = WebhookDelivery.status == literal_column(f"'{DeliveryStatus.PENDING.value}'")
    waiting = select(literal(1).label("one")).select_from(WebhookDelivery).where(pending)
    # In the order of the index of those, for the sake of SQLite.
    return _number_of(waiting.order_by(WebhookDelivery.webhook_id, WebhookDelivery.next_attempt_at))


@cache
def unfinished_actions() -> Rows:
    """`number` of actions whose end is not known, of the `:most` latest of the last hour."""
    latest = (
        select(AuditEntry.status)
        .where(
            AuditEntry.at >= _once(after(-ACTIONS_SINCE_SECONDS)),
            AuditEntry.at < _once(after(-ACTION_SECONDS)),
        )
        .order_by(AuditEntry.at.desc())
        .limit(_MOST)
        .subquery("latest")
        .c
    )
    return select(func.count().label("number")).where(latest.status.is_(None))


def _number_of(found: Select[int]) -> Rows:
    few = found.limit(_MOST).subquery("few")
    return select(func.count().label("number")).select_from(few)


def _once(moment: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """The moment, asked for once a statement: PostgreSQL takes it to an index only then."""
    return select(moment).scalar_subquery()
