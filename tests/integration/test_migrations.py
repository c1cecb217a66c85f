"""The schema: made by migrations, by one process at a time, and the one that the models describe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import app.models  # noqa: F401 - fills the metadata
from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.db import migrate
from app.db.base import Base
from app.db.engines import sync_engine
from tests.support.databases import DATABASES
from tests.support.environment import child_environment, use_settings
from tests.support.postgres import Postgres
from tests.support.processes import ROOT

SCHEDULES = "SELECT name, next_fire, last_fire, paused_at FROM schedules ORDER BY name"


@pytest.fixture(params=DATABASES)
def empty(
    request: pytest.FixtureRequest, tmp_path: Path, clean_settings: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings that name a database without any table."""
    if request.param == "sqlite":
        yield use_settings(
            clean_settings, database_url=f"sqlite:///{tmp_path / 'new' / 'tasks.db'}"
        )
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield use_settings(clean_settings, database_url=server.url(name))
    server.drop(name)


def tables() -> set[str]:
    engine = sync_engine(durable=True)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def execute(statement: str) -> None:
    engine = sync_engine(durable=True)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def rows(statement: str) -> list[tuple[Any, ...]]:
    engine = sync_engine(durable=True)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def test_an_empty_database_becomes_current(empty: Settings) -> None:
    assert migrate.upgrade().state == "current"
    assert set(Base.metadata.tables) | {"alembic_version"} == tables()
    assert migrate.status().state == "current"


def test_before_the_migration_the_cure_is_named(empty: Settings) -> None:
    if empty.is_sqlite:
        Path(empty.database_url.removeprefix("sqlite:///")).parent.mkdir()
    found = migrate.status()
    assert found.state == "behind"
    assert "taskctl migrate" in found.detail


def test_a_second_migration_changes_nothing(empty: Settings) -> None:
    first = migrate.upgrade()
    assert migrate.upgrade() == first


def test_the_migrations_make_what_the_models_describe(empty: Settings) -> None:
    migrate.upgrade()
    engine = sync_engine(durable=True)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def test_the_way_back_and_forth_is_open(empty: Settings) -> None:
    migrate.upgrade()
    before = tables()
    command.downgrade(migrate._config(), "base")
    assert tables() == {"alembic_version"}
    assert migrate.upgrade().state == "current"
    assert tables() == before


def test_schedules_of_the_code_and_their_firings_outlive_the_change_of_their_key(
    empty: Settings,
) -> None:
    config = migrate._config()
    migrate.upgrade()
    command.downgrade(config, "20261125_bulk_operations")
    moment = "1790000000000000" if empty.is_sqlite else "'2026-09-21T14:13:20Z'"
    execute(
        "INSERT INTO schedules VALUES "
        f"('nightly', 'static', '{{}}', {moment}, {moment}, NULL), "
        f"('other', 'static', '{{}}', {moment}, NULL, {moment})"
    )
    task = "01a20e726ec774d0bc60000000000000"
    execute(f"INSERT INTO schedule_fires VALUES ('nightly', {moment}, '{task}', {moment})")
    before = rows(SCHEDULES)
    migrate.upgrade()
    joined = "schedule_fires f JOIN schedules s ON s.id = f.schedule_id"
    kept = rows(f"SELECT s.name, f.fire_at, f.trigger FROM {joined}")
    assert [(name, at, trigger) for name, at, trigger in kept] == [
        ("nightly", before[0][1], "slot")
    ]
    assert rows(SCHEDULES) == before
    command.downgrade(config, "20261125_bulk_operations")
    assert rows(SCHEDULES) == before
    assert rows("SELECT schedule, fire_at FROM schedule_fires") == [("nightly", before[0][1])]


def test_the_audit_log_comes_to_a_database_that_is_in_use(empty: Settings) -> None:
    config = migrate._config()
    migrate.upgrade()
    command.downgrade(config, "20261126_delivery_log")
    assert "audit_entries" not in tables()
    moment = "1790000000000000" if empty.is_sqlite else "'2026-09-21T14:13:20Z'"
    user = "01a20e726ec774d0bc60000000000000"
    execute(f"INSERT INTO users VALUES ('{user}', 'a@example.org', NULL, 'admin', {moment}, NULL)")
    assert migrate.upgrade().state == "current"
    assert rows("SELECT email FROM users") == [("a@example.org",)]
    assert rows("SELECT count(*) FROM audit_entries") == [(0,)]


def test_targets_of_entries_that_are_there_are_found_afterwards(empty: Settings) -> None:
    config = migrate._config()
    migrate.upgrade()
    command.downgrade(config, "20261127_audit")
    moment = "1790000000000000" if empty.is_sqlite else "'2026-09-21T14:13:20Z'"
    targets = ("{}", '{"name":"mail"}', '{"kind":"queue","name":"mail"}', r'{"name":"\u0000"}')
    for number, target in enumerate(targets):
        execute(
            "INSERT INTO audit_entries (id, at, via, action, target, detail) VALUES "
            f"('01a20e726ec774d0bc6000000000000{number}', {moment}, 'token', 'x', '{target}', '{{}}')"
        )
    migrate.upgrade()
    found = rows("SELECT target_last, target_first FROM audit_entries ORDER BY id")
    assert found == [(None, None), ("mail", None), ("mail", "queue"), (r"\x00", None)]
    command.downgrade(config, "20261127_audit")
    assert rows("SELECT count(*) FROM audit_entries") == [(4,)]


def test_four_processes_at_once_migrate_once(empty: Settings, tmp_path: Path) -> None:
    env = child_environment(tmp_path, DATABASE_URL=empty.database_url)
    code = "from app.db.migrate import upgrade; print(upgrade().state)"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=env,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(4)
    ]
    outputs = [child.communicate(timeout=60)[0] for child in children]
    assert [child.returncode for child in children] == [0] * 4, outputs
    assert [output.split()[-1] for output in outputs] == ["current"] * 4
    assert migrate.status().state == "current"


def test_a_newer_schema_is_refused_by_name(empty: Settings) -> None:
    migrate.upgrade()
    execute("UPDATE alembic_version SET version_num = '9f9f9f9f9f9f'")
    assert migrate.status().state == "newer"
    with pytest.raises(ConfigurationError, match=r"9f9f9f9f9f9f.*newer version of the code"):
        migrate.upgrade()


def test_a_migration_that_fails_leaves_nothing_behind(
    empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*args: object) -> None:
        raise RuntimeError("power cut")

    original = command.upgrade

    def half_way(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        break_off()

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", half_way)
        with pytest.raises(RuntimeError):
            migrate.upgrade()
    assert tables() == set()
    assert migrate.upgrade().state == "current"


def test_a_database_out_of_reach_is_a_sentence(clean_settings: pytest.MonkeyPatch) -> None:
    use_settings(clean_settings, database_url="postgresql://nobody@127.0.0.1:1/none")
    assert migrate.status().state == "unreachable"
    with pytest.raises(ConfigurationError, match="check DATABASE_URL"):
        migrate.upgrade()
