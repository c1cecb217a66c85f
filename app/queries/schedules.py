"""Statements about schedules and their firings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Insert, Select, Update, delete, func, select, update

from app.db.clock import after, now
from app.db.upsert import insert
from app.models import Schedule, ScheduleFire

STATIC = "static"
# The duty that any living beat holds. It gives no right to fire: it shows that somebody does.
BEAT_DUTY = "beat"


def clock() -> Select[datetime]:
    """The database's time."""
    return select(now())


def all_locked() -> Select[Schedule]:
    """Every schedule, locked in name order until the transaction ends."""
    return select(Schedule).order_by(Schedule.name).with_for_update()


def add(rows: Sequence[dict[str, Any]]) -> Insert:
    """Insert schedules; those that are there stay as they are."""
    return insert(Schedule).values(list(rows)).on_conflict_do_nothing()


def redefine(name: str, definition: dict[str, Any], next_fire: datetime | None) -> Update:
    """Give a schedule other times to fire."""
    return (
        update(Schedule)
        .where(Schedule.name == name)
        .values(definition=definition, next_fire=next_fire)
    )


def remove_static_but(names: Collection[str]) -> Delete:
    """Forget the static schedules that the code no longer has. Their firings are history."""
    return delete(Schedule).where(Schedule.source == STATIC, Schedule.name.not_in(list(names)))


def due(names: Collection[str]) -> Select[str]:
    """Names of static schedules whose slot has come, the longest overdue first."""
    return (
        select(Schedule.name)
        .where(*_may_fire(names), Schedule.next_fire <= now())
        .order_by(Schedule.next_fire)
    )


def next_slot(names: Collection[str]) -> Select[datetime | None, datetime]:
    """The earliest slot of these schedules, and the database's time."""
    slot = func.min(Schedule.next_fire).label("slot")
    return select(slot, now().label("moment")).where(*_may_fire(names))


def _may_fire(names: Collection[str]) -> tuple[Any, ...]:
    return (
        Schedule.source == STATIC,
        Schedule.paused_at.is_(None),
        Schedule.name.in_(list(names)),
    )


def lock_if_due(name: str) -> Select[dict[str, Any], datetime, datetime]:
    """Definition, slot and the database's time of a due schedule that nobody else is firing."""
    return (
        select(Schedule.definition, Schedule.next_fire, now())
        .where(Schedule.name == name, Schedule.paused_at.is_(None), Schedule.next_fire <= now())
        .with_for_update(skip_locked=True)
    )


def record_fire(name: str, slot: datetime, task_id: uuid.UUID) -> Insert:
    """Take a slot. Returns a row only to the one who got it."""
    return (
        insert(ScheduleFire)
        .values(schedule=name, fire_at=slot, task_id=task_id, fired_at=now())
        .on_conflict_do_nothing()
        .returning(ScheduleFire.schedule)
    )


def advance(name: str, slot: datetime, next_fire: datetime | None) -> Update:
    """Move a schedule from the slot that was fired to its next one."""
    return (
        update(Schedule)
        .where(Schedule.name == name, Schedule.next_fire == slot)
        .values(last_fire=slot, next_fire=next_fire)
    )


def prune_fires(older_than_seconds: float) -> Delete:
    """Forget old firings. A slot that far back can no longer come up again."""
    return delete(ScheduleFire).where(ScheduleFire.fired_at < after(-older_than_seconds))
