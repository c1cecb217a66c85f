"""Doctor and the beat: schedules that nobody fires are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db.clock import after
from app.models import Duty
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
    found = await schedules.beat(db, known)
    assert found is not None
    assert found.level is Level.PROBLEM
    assert "none of the 1 schedules fires" in found.found
    assert "scripts.celery_beat" in found.cure


async def test_without_schedules_no_beat_is_missed(db: AsyncSession, known: Catalogue) -> None:
    assert await schedules.beat(db, replace(known, schedules={})) is None


async def test_a_living_beat_is_seen_and_a_dead_one_missed(
    db: AsyncSession, known: Catalogue, beat: DatabaseScheduler
) -> None:
    beat.tick()
    found = await schedules.beat(db, known)
    assert found is not None
    assert (found.level, "is alive" in found.found) == (Level.OK, True)
    await db.execute(update(Duty).values(lease_until=after(-1)))
    await db.commit()
    missed = await schedules.beat(db, known)
    assert missed is not None
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
    found = await schedules.beat(db, known)
    assert found is not None
    assert found.level is Level.OK
