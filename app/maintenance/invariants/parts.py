"""Workers that should have been forgotten, and schedules that should have fired."""

from __future__ import annotations

from typing import Any

from app.db.session import Database
from app.maintenance.invariants.finding import Suspect
from app.maintenance.invariants.times import Times
from app.models import EVERYBODY
from app.queries import invariants as queries
from app.queries import leases
from app.queries import workers as worker_queries
from app.queries.schedules import BEAT_DUTY


def workers(database: Database, times: Times) -> list[Suspect]:
    """Rows of workers that the agents, if there is one, have not removed."""
    known = database.execute(worker_queries.all_workers(times.silence)).all()
    if not any(row.live for row in known):
        return []
    silent = database.execute(queries.workers_silent(times.forget)).all()
    return [
        Suspect("stale_worker", row.name, f"not heard of for {row.silence:.0f} s") for row in silent
    ]


def schedules(database: Database, times: Times, notes: list[str]) -> list[Suspect]:
    """Schedules that have lost their next slot, and slots that passed while a beat is alive."""
    ended = [
        Suspect("schedule_ended", _subject(row), row.name)
        for row in database.execute(queries.schedules_ended()).all()
    ]
    late = database.execute(queries.schedules_late(times.fire)).all()
    if not late:
        return ended
    if not _beat_lives(database):
        names = ", ".join(row.name for row in late)
        notes.append(f"no beat is alive, so these do not fire: {names}; start one: make up")
        return ended
    overdue = [
        Suspect("schedule_late", _subject(row), f"{row.name}, {row.late:.0f} s late")
        for row in late
    ]
    return [*ended, *overdue]


def _subject(row: Any) -> str:
    """Users may well choose the same name."""
    return str(row.name if row.owner == EVERYBODY else row.id)


def _beat_lives(database: Database) -> bool:
    shown: Any = database.execute(leases.duty(BEAT_DUTY)).first()
    if shown is None:
        return False
    _, until, moment = shown
    return bool(until > moment)
