"""Schedules: is there a beat that fires them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import leases
from app.queries.schedules import BEAT_DUTY
from app.services.catalogue import Catalogue
from app.services.doctor.findings import Finding, ok, problem


async def beat(db: AsyncSession, known: Catalogue) -> Finding | None:
    """Whether a beat showed itself lately; None when nothing is scheduled here."""
    count = len(known.schedules)
    if not count:
        return None
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
