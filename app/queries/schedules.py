"""Statements about schedules and what becomes of their slots."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    Update,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from app.db.clock import after, now
from app.db.upsert import insert
from app.domain.lifecycle import ACTIVE
from app.domain.schedule import Skipped, Source, Trigger
from app.models import EVERYBODY, Schedule, ScheduleFire, Task, User
from app.queries.guards import status_in
from app.queries.types import DeletedRows, InsertedRows, Rows, UpdatedRows

# The duty that any living beat holds. It gives no right to fire: it shows that somebody does.
BEAT_DUTY = "beat"
_NAMES: Any = bindparam("names", expanding=True)


def clock() -> Select[datetime]:
    """The database's time."""
    return select(now())


# -- the schedules of the code -------------------------------------------------------------


def all_static_locked() -> Select[Schedule]:
    """Every schedule of the code, locked in name order until the transaction ends."""
    static = select(Schedule).where(Schedule.source == Source.STATIC.value)
    return static.order_by(Schedule.name).with_for_update()


def add_static(rows: Sequence[dict[str, Any]]) -> Insert:
    """Insert schedules of the code; those that are there stay as they are."""
    fixed = {
        "owner": EVERYBODY, "source": Source.STATIC.value, "overlap": "allow",
        "misfire": "run_once", "created_at": now(), "updated_at": now(), "version": 1,
    }  # fmt: skip
    return insert(Schedule).values([{**fixed, **row} for row in rows]).on_conflict_do_nothing()


def redefine(schedule_id: uuid.UUID, values: dict[str, Any]) -> Update:
    """What the code says now."""
    changed = {**values, "updated_at": now(), "version": Schedule.version + 1}
    return update(Schedule).where(Schedule.id == schedule_id).values(**changed)


def remove_static_but(names: Collection[str]) -> Delete:
    """Forget the schedules that the code no longer has."""
    static = Schedule.source == Source.STATIC.value
    return delete(Schedule).where(static, Schedule.name.not_in(list(names)))


# -- firing ----------------------------------------------------------------------------------


@cache
def due(limit: int) -> Rows:
    """`id, source, name` of schedules whose slot has come, the longest overdue first.

    Those made at run time, and those of the code that are among the parameter `names`.
    """
    return (
        select(Schedule.id, Schedule.source, Schedule.name)
        .where(*_may_fire(), Schedule.next_fire <= now())
        .order_by(Schedule.next_fire)
        .limit(limit)
    )


@cache
def next_slot() -> Rows:
    """The earliest slot of these schedules, and the database's time; no row if there is none."""
    first = select(Schedule.next_fire.label("slot"), now().label("moment"))
    return first.where(*_may_fire()).order_by(Schedule.next_fire).limit(1)


def _may_fire() -> tuple[ColumnElement[bool], ...]:
    return (
        Schedule.paused_at.is_(None),
        Schedule.next_fire.is_not(None),
        or_(Schedule.source == Source.API.value, Schedule.name.in_(_NAMES)),
    )


@cache
def lock_if_due() -> Rows:
    """The due schedule of the parameter `id` that nobody else is firing, and the database's time.

    `owner_gone`: whoever made it has no account any more that could submit a task.
    """
    here = (Schedule.id == bindparam("id"), Schedule.paused_at.is_(None))
    gone = exists().where(User.id == Schedule.owner, User.disabled_at.is_not(None))
    columns = (*Schedule.__table__.columns, now().label("moment"), gone.label("owner_gone"))
    return (
        select(*columns)
        .where(*here, Schedule.next_fire <= now())
        .with_for_update(of=Schedule, skip_locked=True)
    )


def lock(schedule_id: uuid.UUID, owner: uuid.UUID | None) -> Select[Schedule, datetime]:
    """One schedule, and the database's time; nobody changes or fires it until the commit."""
    found = select(Schedule, now()).where(Schedule.id == schedule_id, visible(owner))
    return found.with_for_update().execution_options(populate_existing=True)


def unfinished(task_id: uuid.UUID) -> Select[uuid.UUID]:
    """The task, if it waits or runs."""
    return select(Task.id).where(Task.id == task_id, status_in(Task.status, ACTIVE))


def record_fire(
    schedule_id: uuid.UUID, at: datetime, trigger: Trigger, task_id: uuid.UUID
) -> InsertedRows:
    """Take a slot. Returns a row only to the one who got it."""
    values = {"schedule_id": schedule_id, "fire_at": at, "trigger": trigger.value}
    made = insert(ScheduleFire).values(**values, task_id=task_id, fired_at=now())
    return made.on_conflict_do_nothing().returning(ScheduleFire.fire_at)


def record_skip(
    schedule_id: uuid.UUID,
    at: datetime,
    reason: Skipped,
    *,
    detail: str | None = None,
    until: datetime | None = None,
) -> Insert:
    """Note why a slot makes no task, unless it is known what became of it."""
    values = {"schedule_id": schedule_id, "fire_at": at, "trigger": Trigger.SLOT.value}
    why = {"reason": reason.value, "detail": detail, "until": until}
    return insert(ScheduleFire).values(**values, **why, fired_at=now()).on_conflict_do_nothing()


def advance(
    schedule_id: uuid.UUID,
    slot: datetime,
    next_fire: datetime | None,
    fired: uuid.UUID | None,
) -> Update:
    """Move a schedule from a slot to its next one; `fired` is the task that the slot has made."""
    values: dict[str, Any] = {"next_fire": next_fire}
    if fired is not None:
        values |= {"last_fire": slot, "last_task_id": fired}
    return (
        update(Schedule)
        .where(Schedule.id == schedule_id, Schedule.next_fire == slot)
        .values(**values)
    )


def remember(schedule_id: uuid.UUID, task_id: uuid.UUID) -> Update:
    """The task is the last one of its schedule."""
    return update(Schedule).where(Schedule.id == schedule_id).values(last_task_id=task_id)


def prune_fires(older_than_seconds: float, limit: int) -> DeletedRows:
    """Forget old firings, at most `limit`. A slot that far back can no longer come up again."""
    key = (ScheduleFire.schedule_id, ScheduleFire.fire_at, ScheduleFire.trigger)
    old = (
        select(*key)
        .where(ScheduleFire.fired_at < after(-older_than_seconds))
        .order_by(ScheduleFire.fired_at)
        .limit(limit)
    )
    return delete(ScheduleFire).where(tuple_(*key).in_(old)).returning(ScheduleFire.fire_at)


# -- what people ask for -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScheduleFilter:
    """Which schedules. Whatever is None does not restrict; `owner` None is everybody's."""

    owner: uuid.UUID | None = None
    name: str | None = None
    source: Source | None = None
    celery_task_name: str | None = None
    paused: bool | None = None


def visible(owner: uuid.UUID | None) -> ColumnElement[bool]:
    """Restricts to an owner's schedules; None restricts nothing."""
    return literal(True) if owner is None else Schedule.owner == owner


def newest(wanted: ScheduleFilter, after_id: uuid.UUID | None, limit: int) -> Select[Schedule]:
    """Schedules, the newest first, behind `after_id`."""
    conditions = [visible(wanted.owner)]
    if wanted.name is not None:
        conditions.append(Schedule.name == wanted.name)
    if wanted.source is not None:
        conditions.append(Schedule.source == wanted.source.value)
    if wanted.celery_task_name is not None:
        conditions.append(Schedule.celery_task_name == wanted.celery_task_name)
    if wanted.paused is not None:
        there = Schedule.paused_at
        conditions.append(there.is_not(None) if wanted.paused else there.is_(None))
    if after_id is not None:
        conditions.append(Schedule.id < after_id)
    return select(Schedule).where(*conditions).order_by(Schedule.id.desc()).limit(limit)


def get(schedule_id: uuid.UUID, owner: uuid.UUID | None) -> Select[Schedule]:
    """One schedule."""
    return select(Schedule).where(Schedule.id == schedule_id, visible(owner))


def number_of(owner: uuid.UUID) -> Select[int]:
    """How many schedules a user has."""
    return select(func.count()).where(Schedule.owner == owner)


def by_name(owner: uuid.UUID, name: str) -> Select[uuid.UUID]:
    """The schedule of a user with that name."""
    return select(Schedule.id).where(Schedule.owner == owner, Schedule.name == name)


def add(values: dict[str, Any]) -> InsertedRows:
    """A schedule made at run time."""
    begun = {"source": Source.API.value, "created_at": now(), "updated_at": now(), "version": 1}
    return insert(Schedule).values(**begun, **values).returning(Schedule)


def edit_if(schedule_id: uuid.UUID, version: int, values: dict[str, Any]) -> UpdatedRows:
    """Change one that was made at run time and is still at that version."""
    there = (Schedule.id == schedule_id, Schedule.version == version)
    changed = {**values, "updated_at": now(), "version": Schedule.version + 1}
    made = update(Schedule).where(*there, Schedule.source == Source.API.value)
    return made.values(**changed).returning(Schedule.id)


def pause_if_going(schedule_id: uuid.UUID, owner: uuid.UUID | None, by: str) -> Update:
    """Hold a schedule back."""
    going = (Schedule.id == schedule_id, visible(owner), Schedule.paused_at.is_(None))
    values = {"paused_at": now(), "paused_by": by, "updated_at": now()}
    return update(Schedule).where(*going).values(**values, version=Schedule.version + 1)


def resume_if_paused(schedule_id: uuid.UUID, next_fire: datetime | None) -> Update:
    """Let a schedule go on, with this slot."""
    paused = (Schedule.id == schedule_id, Schedule.paused_at.is_not(None))
    values = {"paused_at": None, "paused_by": None, "updated_at": now(), "next_fire": next_fire}
    return update(Schedule).where(*paused).values(**values, version=Schedule.version + 1)


def remove(schedule_id: uuid.UUID, owner: uuid.UUID | None) -> DeletedRows:
    """Delete one that was made at run time."""
    made = (Schedule.id == schedule_id, visible(owner), Schedule.source == Source.API.value)
    return delete(Schedule).where(*made).returning(Schedule.id)


def history(schedule_id: uuid.UUID, behind: tuple[datetime, str] | None, limit: int) -> Rows:
    """What became of a schedule's slots, newest first, behind (slot, trigger).

    With the status of each task that is still there.
    """
    key = (ScheduleFire.fire_at, ScheduleFire.trigger)
    conditions: list[ColumnElement[bool]] = [ScheduleFire.schedule_id == schedule_id]
    if behind is not None:
        # Typed as their columns are: a tuple gives its members no types.
        there = (literal(v, c.type) for v, c in zip(behind, key, strict=True))
        conditions.append(tuple_(*key) < tuple_(*there))
    return (
        select(*ScheduleFire.__table__.columns, Task.status.label("task_status"))
        .outerjoin(Task, Task.id == ScheduleFire.task_id)
        .where(*conditions)
        .order_by(*(column.desc() for column in key))
        .limit(limit)
    )


# -- doctor -----------------------------------------------------------------------------------


def functions() -> Rows:
    """`celery_task_name, number` of the schedules made at run time that may still fire."""
    live = (Schedule.source == Source.API.value, Schedule.next_fire.is_not(None))
    number = func.count().label("number")
    return (
        select(Schedule.celery_task_name, number)
        .where(*live, Schedule.paused_at.is_(None))
        .group_by(Schedule.celery_task_name)
    )
