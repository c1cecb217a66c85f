"""Doctor and the beat: schedules that nobody fires are named."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db.clock import after
from app.domain import cron
from app.models import Duty
from app.queries import schedules as queries
from app.scheduler.scheduler import DatabaseScheduler
from app.services.catalogue import Catalogue, catalogue
from app.services.doctor import schedules
from app.services.doctor.findings import Level

HOURLY: dict[str, dict[str, Any]] = {
    "sum": {"task": "tests.support.tasks.add", "schedule": 3600.0, "args": (1, 2)}
}


@pytest.fixture
def known(settings: Settings) -> Catalogue:
    return replace(catalogue(), schedules=HOURLY)


@pytest.fixture
def beat(settings: Settings) -> Iterator[DatabaseScheduler]:
    """A scheduler with nothing of its own to fire."""
    from app.celery_app import celery_app

    made = DatabaseScheduler(app=celery_app)
    yield made
    made.close()


async def test_schedules_that_no_beat_fires_are_a_problem(
    db: AsyncSession, known: Catalogue
) -> None:
    (found,) = await schedules.check(db, known)
    assert found.level is Level.PROBLEM
    assert "none of the 1 schedules fires" in found.found
    assert "scripts.celery_beat" in found.cure


async def test_without_schedules_no_beat_is_missed(db: AsyncSession, known: Catalogue) -> None:
    assert await schedules.check(db, replace(known, schedules={})) == []


async def test_a_living_beat_is_seen_and_a_dead_one_missed(
    db: AsyncSession, known: Catalogue, beat: DatabaseScheduler
) -> None:
    beat.tick()
    (found,) = await schedules.check(db, known)
    assert (found.level, "is alive" in found.found) == (Level.OK, True)
    await db.execute(update(Duty).values(lease_until=after(-1)))
    await db.commit()
    (missed,) = await schedules.check(db, known)
    assert missed.level is Level.PROBLEM
    assert "the last was" in missed.found


async def test_of_two_beats_either_shows_that_there_is_one(
    db: AsyncSession, known: Catalogue, beat: DatabaseScheduler
) -> None:
    beat.tick()
    await db.execute(update(Duty).values(holder="gone:1", lease_until=after(-1)))
    await db.commit()
    beat._shown_at = None  # a heartbeat later
    beat.tick()
    (found,) = await schedules.check(db, known)
    assert found.level is Level.OK


async def made_at_run_time(db: AsyncSession, function: str) -> None:
    """A schedule that some user has made."""
    values = {
        "id": uuid.uuid4(), "owner": uuid.uuid4(), "name": "mine", "task": {}, "overlap": "allow",
        "misfire": "skip", "definition": cron.interval(60), "celery_task_name": function,
        "next_fire": datetime.now(UTC),
    }  # fmt: skip
    await db.execute(queries.add(values))
    await db.commit()


async def test_schedules_made_at_run_time_need_a_beat_too(
    db: AsyncSession, known: Catalogue
) -> None:
    await made_at_run_time(db, "tests.support.tasks.add")
    (found,) = await schedules.check(db, replace(known, schedules={}))
    assert "none of the 1 schedules fires" in found.found


async def test_a_schedule_of_a_function_that_is_gone_is_a_problem(
    db: AsyncSession, known: Catalogue
) -> None:
    await made_at_run_time(db, "long.gone")
    _, found = await schedules.check(db, known)
    assert (found.level, "long.gone" in found.found) == (Level.PROBLEM, True)
