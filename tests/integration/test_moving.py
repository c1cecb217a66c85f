"""A whole database moves from SQLite to PostgreSQL as it is, or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.db import transfer
from app.db.engines import sync_engine
from app.db.session import Database
from app.maintenance import invariants, moving
from app.maintenance.invariants import Finding
from app.maintenance.moving import MoveRefused, move
from tests.support.environment import use_settings
from tests.support.furniture import ROWS, contents, furnish, tables
from tests.support.postgres import Postgres
from tests.support.world import World


@pytest.fixture(autouse=True)
def source(clean_settings: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> Settings:
    """The settings of this process: an SQLite file that has just been migrated."""
    clean_settings.setattr(moving, "FILE_PATIENCE_SECONDS", 0.1)
    return use_settings(
        clean_settings, database_url=sqlite_url, data_dir=tmp_path / "d", log_dir=tmp_path / "l"
    )


@pytest.fixture
def target(postgres: Postgres) -> Iterator[str]:
    """A new database without any table."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def path_of(source: Settings) -> str:
    return source.database_url.removeprefix("sqlite:///")


def change(source: Settings, statement: str, *values: object) -> None:
    """As somebody does who has the file."""
    with closing(sqlite3.connect(path_of(source))) as file, file:
        file.execute(statement, values)


def is_empty(url: str) -> bool:
    return not any(contents(url).values())


def test_every_row_of_every_table_arrives_as_it_was(source: Settings, target: str) -> None:
    furnish(source.database_url)
    before = contents(source.database_url)
    assert all(len(before[table.name]) >= ROWS for table in tables())
    moved = move(target)
    assert contents(target) == before
    assert contents(source.database_url) == before
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    assert moved.running == 1
    assert (moved.mended, moved.mended_rows) == ([], 0)


def test_what_is_written_afterwards_has_new_numbers_and_is_noted(
    source: Settings, target: str, clean_settings: pytest.MonkeyPatch
) -> None:
    furnish(source.database_url)
    # One that is never given twice goes on after those that are gone.
    change(source, "UPDATE sqlite_sequence SET seq = 500 WHERE name = 'failure_notes'")
    move(target)
    use_settings(clean_settings, database_url=target)
    world = World()
    task_id = world.add()
    note = "INSERT INTO failure_notes (task_id) VALUES (:id) RETURNING id"
    log = (
        "INSERT INTO task_logs (task_id, attempt, created_at, level, message) "
        "VALUES (:id, 1, now(), 'x', 'x') RETURNING id"
    )
    with world.database.transaction() as connection:
        assert connection.execute(text(note), {"id": task_id}).scalar_one() == 501
        assert connection.execute(text(log), {"id": task_id}).scalar_one() == ROWS + 1
        entry = text("SELECT count(*) FROM task_entries WHERE id = :id")
        assert connection.execute(entry, {"id": task_id}).scalar_one() == 1
    world.close()


def test_a_sound_database_is_sound_afterwards(source: Settings, target: str) -> None:
    world = World()
    done = world.running()
    world.settle(done)
    world.add_many(3, name="Export invoices")
    world.running()
    world.end_lease(world.running()[0])
    world.close()
    moved = move(target)
    assert (moved.findings, moved.running) == ([], 2)


def test_an_interrupted_move_leaves_nothing_and_the_next_one_succeeds(
    source: Settings, target: str
) -> None:
    furnish(source.database_url)
    before = contents(source.database_url)

    def break_off(table: str, done: int, _: int) -> None:
        if table == "tokens" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(target, break_off)
    assert is_empty(target)
    assert contents(source.database_url) == before
    move(target)
    assert contents(target) == before


def test_progress_is_told_for_each_table(source: Settings, target: str) -> None:
    furnish(source.database_url)
    told: list[tuple[str, int, int]] = []
    moved = move(target, lambda *each: told.append(each))
    last = {table: (done, total) for table, done, total in told}
    assert last == {name: (number, number) for name, number in moved.rows.items()}


def test_a_table_is_copied_in_parts(
    source: Settings, target: str, clean_settings: pytest.MonkeyPatch
) -> None:
    """One by one here: no row needs another one of its table to be there."""
    clean_settings.setattr(transfer, "COPIED_AT_ONCE", 1)
    furnish(source.database_url)
    move(target)
    assert contents(target) == contents(source.database_url)


def test_rows_that_cannot_be_compared_are_moved_all_the_same(
    source: Settings, target: str, clean_settings: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def at_rest(database: Database) -> list[Finding]:
        with database.transaction() as connection:
            told.append(connection.execute(text("SHOW statement_timeout")).scalar_one())
            connection.execute(text("SET LOCAL statement_timeout = '10ms'"))
            connection.execute(text("SELECT pg_sleep(5)"))
        return []

    clean_settings.setattr(invariants, "at_rest", at_rest)
    furnish(source.database_url)
    moved = move(target)
    assert told == ["1d"]
    assert [each.cure for each in moved.findings] == ["Once workers run there: taskctl verify"]
    assert contents(target) == contents(source.database_url)


def test_text_with_nul_is_told_apart_and_kept_readable(source: Settings, target: str) -> None:
    world = World()
    task_id = world.add(name="plain")
    world.close()
    statement = "UPDATE tasks SET name = ?, kwargs = ? WHERE id = ?"
    change(source, statement, "a\0b", '{"k":"c\0d"}', task_id.hex)
    moved = move(target)
    assert (moved.mended, moved.mended_rows) == ([f"tasks: id {task_id}"], 1)
    engine = sync_engine(durable=True, given=target)
    with engine.connect() as connection:
        row = connection.execute(text("SELECT name, kwargs FROM tasks")).one()
    engine.dispose()
    assert tuple(row) == ("a\\x00b", '{"k":"c\\u0000d"}')


def test_a_file_whose_last_user_was_killed_is_moved_with_its_log(
    source: Settings, target: str
) -> None:
    write = """
import os, signal, sqlite3, sys
file = sqlite3.connect(sys.argv[1])
file.execute("INSERT INTO system_counters (name, label, value) VALUES ('last', '', 1)")
file.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", write, path_of(source)], check=False)
    assert Path(f"{path_of(source)}-wal").stat().st_size > 0
    assert move(target).rows["system_counters"] == 1
    assert [row[:2] for row in contents(target)["system_counters"]] == [("last", "")]


# Refused, and nothing is moved


def test_a_file_that_somebody_has_open_is_refused(source: Settings, target: str) -> None:
    with closing(sqlite3.connect(path_of(source))) as idle:
        idle.execute("SELECT count(*) FROM tasks").fetchall()
        with pytest.raises(MoveRefused, match=r"is in use: stop the API, the workers, beat"):
            move(target)
    move(target)


def test_nobody_else_opens_the_file_meanwhile(source: Settings, target: str) -> None:
    seen: list[str] = []

    def look(*_: object) -> None:
        if not seen:
            with closing(sqlite3.connect(path_of(source), timeout=0)) as other:
                try:
                    other.execute("SELECT count(*) FROM tasks").fetchall()
                except sqlite3.OperationalError as error:
                    seen.append(str(error))

    move(target, look)
    assert seen == ["database is locked"]


def test_a_second_move_meanwhile_is_refused(source: Settings, target: str) -> None:
    furnish(source.database_url)
    refused: list[str] = []

    def move_again(*_: object) -> None:
        if not refused:
            with pytest.raises(MoveRefused) as second:
                move(target)
            refused.append(str(second.value))

    move(target, move_again)
    assert "is in use" in refused[0]
    assert contents(target) == contents(source.database_url)


def test_a_target_with_rows_is_refused(postgres_url: str) -> None:
    before = contents(postgres_url)
    with pytest.raises(MoveRefused, match=r"not empty: there are rows in users, tokens\. Name a"):
        move(postgres_url)
    assert contents(postgres_url) == before


def test_a_target_in_use_is_refused(
    target: str, postgres: Postgres, clean_settings: pytest.MonkeyPatch
) -> None:
    move_to(target)
    clean_settings.setattr(moving, "LOCK_SECONDS", 0.1)
    with postgres.connect(target.rsplit("/", 1)[1]) as other, other.transaction():
        other.execute("DELETE FROM tokens")
        with pytest.raises(MoveRefused, match="Somebody works in the target"):
            move(target)


def move_to(target: str) -> None:
    """Make the tables."""
    from app.db.migrate import upgrade

    assert upgrade(target).state == "current"


@pytest.mark.parametrize("revision", ["29991231_future", "2_29991231_future", "something_else"])
def test_a_target_of_another_schema_is_refused(target: str, revision: str) -> None:
    move_to(target)
    engine = sync_engine(durable=True, given=target)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()
    with pytest.raises((MoveRefused, ConfigurationError), match=revision):
        move(target)
    assert is_empty(target)


def test_a_target_of_an_older_version_is_refused_and_stays_one(target: str) -> None:
    move_to(target)
    older = "20261124_first"
    engine = sync_engine(durable=True, given=target)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": older})
    with pytest.raises(MoveRefused, match=rf"tables of an older version already \({older}\)"):
        move(target)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == older
    engine.dispose()


def test_a_source_that_is_not_migrated_is_refused(source: Settings, target: str) -> None:
    change(source, "UPDATE alembic_version SET version_num = '20261124_first'")
    with pytest.raises(MoveRefused, match=r"20261124_first .*; run: taskctl migrate"):
        move(target)


def test_a_source_that_is_not_there_is_refused_and_not_made(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path, target: str
) -> None:
    use_settings(clean_settings, database_url=f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(MoveRefused, match=r"none\.db does not exist"):
        move(target)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("url", ["sqlite:///other.db", "mysql://h/x", "nonsense", ""])
def test_only_postgresql_is_a_target(url: str) -> None:
    with pytest.raises(MoveRefused, match="postgresql://user:password@host/name"):
        move(url)


def test_only_an_sqlite_file_is_a_source(
    clean_settings: pytest.MonkeyPatch, postgres_url: str, target: str
) -> None:
    use_settings(clean_settings, database_url=postgres_url)
    with pytest.raises(MoveRefused, match="pg_dump"):
        move(target)


def test_a_target_out_of_reach_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="check the URL and that the server is up"):
        move("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("max_attempts", "99999999999", r"COPY tasks, line 1, column max_attempts"),
        ("name", "CAST(x'61ff' AS TEXT)", r"tasks in the file cannot be read.*'name'"),
    ],
)
def test_a_row_that_cannot_be_kept_is_named(
    source: Settings, target: str, column: str, value: str, said: str
) -> None:
    world = World()
    world.add()
    world.close()
    change(source, f"UPDATE tasks SET {column} = {value}")
    with pytest.raises(MoveRefused, match=said):
        move(target)
    assert is_empty(target)
