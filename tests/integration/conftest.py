"""Fixtures for code that runs in the test process, on a real database and a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from tests.support.api import api, unbuilt  # noqa: F401 - pytest finds them by name here
from tests.support.environment import use_settings
from tests.support.world import World


@pytest.fixture
def settings(
    clean_settings: pytest.MonkeyPatch,
    database_url: str,
    broker_url: str,
    broker_key_prefix: str,
    tmp_path: Path,
) -> Settings:
    """The settings of this process, pointing at the test's own database and broker."""
    return use_settings(
        clean_settings,
        database_url=database_url,
        celery_broker_url=broker_url,
        celery_result_backend=broker_url,
        broker_key_prefix=broker_key_prefix,
        data_dir=tmp_path / "data",
        log_dir=tmp_path / "logs",
    )


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[AsyncSession]:
    """A session on the test's database."""
    from app.db.session import async_session

    async with async_session() as session:
        yield session


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """Rows, hints and attempts on the test's database and broker, without processes."""
    opened = World()
    yield opened
    opened.close()


@pytest.fixture
def no_feeder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody feeds but the test: rows stay where it puts them."""
    monkeypatch.setattr("app.dispatch.wake", lambda queue, **_: None)
