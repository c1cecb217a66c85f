"""What survives a power cut is a matter of how its connection commits."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db.session import Database

# What each database calls a commit that waits for the disk, and one that does not.
QUESTION = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
FLUSHED = {"sqlite": 2, "postgresql": "on"}
RELAXED = {"sqlite": 1, "postgresql": "off"}


def kind(settings: Settings) -> str:
    return "sqlite" if settings.is_sqlite else "postgresql"


@pytest.mark.parametrize(("durable", "answers"), [(True, FLUSHED), (False, RELAXED)])
def test_what_is_created_and_settled_is_flushed_at_every_commit(
    settings: Settings, durable: bool, answers: dict[str, object]
) -> None:
    database = Database(durable=durable)
    try:
        question = text(QUESTION[kind(settings)])
        assert database.execute(question).column() == [answers[kind(settings)]]
        with database.transaction() as connection:
            assert connection.execute(question).scalar_one() == answers[kind(settings)]
    finally:
        database.close()


async def test_a_submission_is_flushed_when_it_is_answered(
    settings: Settings, db: AsyncSession
) -> None:
    answer = (await db.execute(text(QUESTION[kind(settings)]))).scalar_one()
    assert answer == FLUSHED[kind(settings)]
