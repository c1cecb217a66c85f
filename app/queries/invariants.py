"""Statements that look for what must never be: each condition is broken or nobody's business.

They write nothing and lock nothing. Most read an index; `broken_rows` is for the whole table, a page
at a time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from app.db.clock import after, micros, now
from app.domain.lifecycle import ACTIVE, FINISHED, Event, TaskStatus
from app.domain.retry import MAX_CRASHES
from app.models import Queue, Schedule, Task, TaskAttempt, TaskDependency, Worker
from app.queries import dependencies
from app.queries.guards import legal, status_in
from app.queries.types import Rows

_Needed = aliased(Task, name="needed")
# Pools that can end an attempt by force. On threads a stop waits for the task itself.
_FORCIBLE = ("prefork", "solo")


@dataclass(frozen=True, slots=True)
class Margins:
    """Seconds in which the system puts each thing right by itself; only then is it broken."""

    lease: float
    cancel: float
    expiry: float
    deletion: float


def _is(*statuses: TaskStatus) -> ColumnElement[bool]:
    return or_(*(Task.status == status.value for status in statuses))


def _archived(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(TaskAttempt.task_id == Task.id, *conditions)


def _edge(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the row has an edge like that; `_Needed` is the task it leads to, if there is one."""
    found: ColumnElement[bool] = (
        select(literal(1))
        .select_from(TaskDependency)
        .join(_Needed, _Needed.id == TaskDependency.needs_id, isouter=True)
        .where(TaskDependency.task_id == Task.id, *conditions)
        .correlate(Task)
        .exists()
    )
    return found


def _wait_rules() -> dict[str, ColumnElement[bool]]:
    """What is wrong with a row's waits for others. Told and counted in one transaction."""
    pending, waits = legal(Event.FEED), Task.unmet_deps > 0
    placed = or_(Task.rank.is_not(None), Task.dispatched_at.is_not(None))
    untold = (
        select(func.count())
        .select_from(TaskDependency)
        .where(TaskDependency.task_id == Task.id, ~TaskDependency.told)
        .correlate(Task)
        .scalar_subquery()
    )
    gone = and_(~TaskDependency.told, _Needed.id.is_(None))
    # It will be told by one that runs, that is due, or that is gone.
    hope = or_(status_in(_Needed.status, ACTIVE), _Needed.awaited, gone)
    return {
        "early": and_(waits, or_(and_(pending, placed), legal(Event.REPORT))),
        "unmet_deps": and_(pending, Task.unmet_deps != untold),
        "stuck": and_(pending, waits, ~_edge(hope)),
        "needs_gone": and_(pending, waits, _edge(gone)),
    }


def row_rules(margins: Margins) -> dict[str, ColumnElement[bool]]:
    """What is wrong with a row by itself, by the rule's name."""
    running, finished = legal(Event.REPORT), _is(*FINISHED)
    names = select(Worker.name)
    forcible = select(Worker.name).where(Worker.pool.in_(_FORCIBLE))
    return {
        "lease_over": and_(running, Task.lease_until < after(-margins.lease)),
        "no_holder": and_(
            running,
            or_(
                Task.lease_until.is_(None),
                Task.worker.is_(None),
                Task.started_at.is_(None),
                Task.attempt < 1,
            ),
        ),
        "unknown_worker": and_(
            running, Task.worker.not_like("external:%"), Task.worker.not_in(names)
        ),
        "not_stopped": and_(
            running,
            Task.cancel_requested_at < after(-margins.cancel),
            Task.worker.in_(forcible),
        ),
        "leftovers": or_(
            and_(or_(finished, legal(Event.FEED)), Task.lease_until.is_not(None)),
            and_(finished, Task.attempt == 0, Task.dispatched_at.is_not(None)),
            and_(finished, Task.completed_at.is_(None)),
            and_(_is(TaskStatus.SUCCEEDED), Task.progress < 100),
            and_(or_(running, legal(Event.FEED)), Task.completed_at.is_not(None)),
        ),
        "counters": or_(
            Task.tries < 0,
            Task.tries > Task.attempt,
            Task.tries > Task.max_attempts,
            Task.crash_count < 0,
            Task.crash_count > Task.attempt,
            Task.crash_count > MAX_CRASHES,
        ),
        "times": or_(
            Task.started_at < Task.created_at,
            Task.completed_at < Task.started_at,
            Task.completed_at < Task.created_at,
            Task.cancel_acknowledged_at < Task.cancel_requested_at,
        ),
        "never_started": and_(
            finished, Task.attempt == 0, or_(Task.started_at.is_not(None), _archived())
        ),
        "history": or_(
            _archived(TaskAttempt.attempt > Task.attempt),
            and_(
                _is(TaskStatus.RUNNING, TaskStatus.SUCCEEDED),
                _archived(TaskAttempt.attempt == Task.attempt),
            ),
        ),
        "expired": and_(legal(Event.EXPIRE), Task.expires_at < after(-margins.expiry)),
        "not_deleted": and_(finished, Task.delete_requested_at < after(-margins.deletion)),
        **_wait_rules(),
    }


def page_end(start: uuid.UUID, size: int) -> Select[uuid.UUID]:
    """The id of the row `size` places behind `start`; none near the end of the table."""
    return select(Task.id).where(Task.id > start).order_by(Task.id).offset(size - 1).limit(1)


def broken_rows(margins: Margins, start: uuid.UUID, end: uuid.UUID | None, limit: int) -> Rows:
    """Rows behind `start`, up to `end`, that break a rule, with 1 or 0 for each rule."""
    rules = row_rules(margins)
    page = Task.id > start if end is None else and_(Task.id > start, Task.id <= end)
    return (
        select(
            Task.id,
            Task.status,
            Task.attempt,
            Task.worker,
            *(case((rule, 1), else_=0).label(name) for name, rule in rules.items()),
        )
        .where(page, or_(*rules.values()))
        .order_by(Task.id)
        .limit(limit)
    )


def _seconds_since(moment: Any) -> ColumnElement[Any]:
    return (micros(now()) - micros(moment)) / 1_000_000.0


def hints_out() -> Rows:
    """Marked rows by queue and priority: how many, and seconds since the newest was marked."""
    newest = _seconds_since(func.max(Task.dispatched_at))
    return (
        select(
            Task.queue,
            Task.dispatched_priority.label("level"),
            func.count().label("rows"),
            newest.label("newest"),
        )
        .where(legal(Event.FEED), Task.dispatched_at.is_not(None))
        .group_by(Task.queue, Task.dispatched_priority)
    )


def marked(queue: str) -> Rows:
    """Rows whose hint is out: `id, celery_id` and seconds since they were marked."""
    return (
        select(Task.id, Task.celery_id, _seconds_since(Task.dispatched_at).label("age"))
        .where(Task.queue == queue, legal(Event.FEED), Task.dispatched_at.is_not(None))
        .order_by(Task.id)
    )


def _not_expired() -> ColumnElement[bool]:
    return or_(Task.expires_at.is_(None), Task.expires_at > now())


def first_waiting(queue: str) -> Rows:
    """The row that must be handed out next, and how long it has been ready, in seconds."""
    return (
        select(Task.id, _seconds_since(Task.ready_at).label("waited"))
        .where(
            Task.queue == queue,
            legal(Event.FEED),
            Task.dispatched_at.is_(None),
            Task.rank.is_not(None),
            _not_expired(),
        )
        .order_by(Task.rank, Task.id)
        .limit(1)
    )


def unranked(older_than_seconds: float, limit: int) -> Rows:
    """Rows whose time came that long ago and that still have no place in their queue."""
    return (
        select(Task.id, Task.queue, _seconds_since(Task.ready_at).label("waited"))
        .where(
            legal(Event.FEED),
            Task.rank.is_(None),
            Task.unmet_deps == 0,
            Task.ready_at < after(-older_than_seconds),
            _not_expired(),
        )
        .order_by(Task.ready_at)
        .limit(limit)
    )


def first_due() -> Rows:
    """The finished task whose dependents are to be told next, and its age in seconds."""
    age = _seconds_since(Task.completed_at)
    return dependencies.due(1, lock=False).add_columns(age.label("age"))


def not_told(needs_id: uuid.UUID, limit: int) -> Select[uuid.UUID]:
    """Dependents of a task that are to be told next."""
    return (
        select(TaskDependency.task_id)
        .where(TaskDependency.needs_id == needs_id, ~TaskDependency.told)
        .order_by(TaskDependency.task_id)
        .limit(limit)
    )


def running_by_worker() -> Rows:
    """How many attempts each worker has."""
    return (
        select(Task.worker, func.count().label("attempts"))
        .where(legal(Event.REPORT))
        .group_by(Task.worker)
    )


def queues() -> Rows:
    """Every queue's row."""
    columns = (Queue.name, Queue.paused_at, Queue.slots, Queue.window, Queue.blocked)
    return select(*columns).order_by(Queue.name)


def workers_silent(seconds: float) -> Rows:
    """Workers not heard of for that long, and for how long."""
    silence = _seconds_since(Worker.heartbeat_at)
    return select(Worker.name, silence.label("silence")).where(
        Worker.heartbeat_at < after(-seconds)
    )


def schedules_late(seconds: float) -> Rows:
    """Schedules whose slot passed that long ago, and neither fired nor was passed over."""
    late = _seconds_since(Schedule.next_fire)
    return select(Schedule.id, Schedule.name, Schedule.owner, late.label("late")).where(
        Schedule.paused_at.is_(None),
        Schedule.next_fire.is_not(None),
        Schedule.next_fire < after(-seconds),
    )


def schedules_ended() -> Rows:
    """Schedules that fire no more, although they are neither of the kind `once` nor have an end."""
    definition = type_coerce(Schedule.definition, Text())
    return select(Schedule.id, Schedule.name, Schedule.owner).where(
        Schedule.next_fire.is_(None),
        ~definition.contains('"kind":"once"'),
        ~definition.contains('"end_at"'),
    )
