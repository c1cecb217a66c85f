"""The world of the tests is what it says it is."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db.migrate import status


async def test_a_fresh_database_is_migrated_and_empty(settings: Settings, db: AsyncSession) -> None:
    assert status().state == "current"
    assert (await db.execute(text("SELECT count(*) FROM tasks"))).scalar_one() == 0


def test_settings_point_at_the_tests_own_servers(settings: Settings, broker_url: str) -> None:
    assert settings.celery_broker_url == broker_url
    assert settings.broker_key_prefix != "tasksys:"
    assert str(settings.data_dir).startswith("/tmp") or settings.data_dir.is_absolute()
