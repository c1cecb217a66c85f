"""Schedules: is there a beat that fires them, and can it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import leases
from app.queries.schedules import BEAT_DUTY, functions
from app.services.catalogue import Catalogue
from app.services.doctor.findings import Finding, ok, problem


async def check(db: AsyncSession, known: Catalogue) -> list[Finding]:
    """Whether a beat showed itself lately, and can make the tasks; nothing without schedules."""
    made = (await db.execute(functions())).all()
    count = len(known.schedules) + sum(row.number for row in made)
    if not count:
        return []
    unknown = [row for row in made if row.celery_task_name not in known.tasks]
    return [await _beat(db, count), *map(_unregistered, unknown)]


async def _beat(db: AsyncSession, count: int) -> Finding:
    shown = (await db.execute(leases.duty(BEAT_DUTY))).first()
    if shown is not None:
        holder, until, moment = shown
        if until > moment:
            return ok("schedules", f"{count} in place, and a beat is alive ({holder})")
    last = (
        "" if shown is None else f"; the last was {shown[0]}, until {shown[1]:%Y-%m-%d %H:%M} UTC"
    )
    return problem(
        "schedules",
        f"no beat is alive, so none of the {count} schedules fires{last}",
        "start one: make up, or python -m scripts.celery_beat",
    )


def _unregistered(row: Any) -> Finding:
    return problem(
        "schedules",
        f"{row.number} schedules are for {row.celery_task_name}, which is not registered here: "
        "their slots pass without a task",
        "register it (TASK_MODULES, app/tasks/__init__.py), or pause or delete them: taskctl "
        f"schedules list --task {row.celery_task_name}",
    )
