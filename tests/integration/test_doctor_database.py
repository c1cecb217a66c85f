"""Doctor and the database, on both kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.db.session import async_session
from app.services.doctor.database import clock, durability, pooler, schema, server_version
from app.services.doctor.findings import Level
from tests.support.environment import use_settings
from tests.support.processes import free_port


async def set_revision(db: AsyncSession, revision: str | None) -> None:
    if revision is None:
        await db.execute(text("DELETE FROM alembic_version"))
    else:
        await db.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    await db.commit()


def test_migrated_database_is_fine(settings: Settings) -> None:
    assert schema(settings).level is Level.OK


async def test_database_without_tables_is_cured_by_migrating(
    settings: Settings, db: AsyncSession
) -> None:
    await set_revision(db, None)
    finding = schema(settings)
    assert finding.level is Level.PROBLEM
    assert "not migrated" in finding.found
    assert finding.cure == "taskctl migrate"


async def test_database_of_a_newer_version_is_refused_by_name(
    settings: Settings, db: AsyncSession
) -> None:
    await set_revision(db, "2_29991231_future")
    finding = schema(settings)
    assert finding.level is Level.PROBLEM
    assert "2_29991231_future" in finding.found
    assert "git pull" in finding.cure


async def test_newer_database_on_which_this_code_runs_is_a_warning(
    settings: Settings, db: AsyncSession
) -> None:
    await set_revision(db, "29991231_future")
    finding = schema(settings)
    assert finding.level is Level.WARNING
    assert "29991231_future" in finding.found
    assert "finish the upgrade" in finding.cure


def test_database_that_is_down_is_named(clean_settings: pytest.MonkeyPatch) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none"
    finding = schema(use_settings(clean_settings, database_url=url))
    assert finding.level is Level.PROBLEM
    assert "secret" not in finding.found
    assert "DATABASE_URL" in finding.cure


def test_sqlite_file_that_cannot_be_opened_is_named(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings = use_settings(clean_settings, database_url=f"sqlite:///{tmp_path}/file/tasks.db")
    assert schema(settings).level is Level.PROBLEM


def test_file_that_is_no_database_is_named(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tasks.db").write_text("not a database at all, " * 100)
    settings = use_settings(clean_settings, database_url=f"sqlite:///{tmp_path}/tasks.db")
    assert schema(settings).level is Level.PROBLEM


def test_unknown_kind_of_database_is_named(clean_settings: pytest.MonkeyPatch) -> None:
    finding = schema(use_settings(clean_settings, database_url="mysql://localhost/x"))
    assert finding.level is Level.PROBLEM
    assert "mysql" in finding.found


async def test_clocks_that_agree_are_fine(db: AsyncSession) -> None:
    assert (await clock(db)).level is Level.OK


async def test_clocks_that_differ_are_named_with_the_direction(db: AsyncSession) -> None:
    finding = await clock(db, datetime.now(UTC) + timedelta(seconds=120))
    assert finding.level is Level.WARNING
    assert "120 s ahead" in finding.found


async def test_only_postgresql_has_a_version_to_check(db: AsyncSession, settings: Settings) -> None:
    finding = await server_version(db)
    assert (finding is None) is settings.is_sqlite
    assert finding is None or finding.level is Level.OK


async def test_only_postgresql_has_a_durability_to_check(
    db: AsyncSession, settings: Settings
) -> None:
    finding = await durability(db)
    assert (finding is None) is settings.is_sqlite
    assert finding is None or finding.level is Level.OK


async def test_a_server_that_may_lose_commits_is_a_problem(
    postgres_url: str, clean_settings: pytest.MonkeyPatch
) -> None:
    use_settings(clean_settings, database_url=postgres_url)
    async with async_session() as db:
        await db.execute(text("SET synchronous_commit = off"))
        finding = await durability(db)
    assert finding is not None
    assert finding.level is Level.PROBLEM
    assert "synchronous_commit off" in finding.found
    assert "ALTER ROLE" in finding.cure


async def test_behind_a_pooler_the_server_should_end_statements(
    postgres_url: str, clean_settings: pytest.MonkeyPatch
) -> None:
    settings = use_settings(
        clean_settings, database_url=postgres_url, database_pooler="transaction"
    )
    async with async_session() as db:
        finding = await pooler(db, settings)
        assert finding is not None
        assert finding.level is Level.WARNING
        assert "ALTER ROLE" in finding.cure
        await db.execute(text("SET statement_timeout = '30s'"))
        again = await pooler(db, settings)
    assert again is not None
    assert (again.level, "30s" in again.found) == (Level.OK, True)


async def test_without_a_pooler_there_is_nothing_to_say_of_it(
    db: AsyncSession, settings: Settings
) -> None:
    assert await pooler(db, settings) is None
