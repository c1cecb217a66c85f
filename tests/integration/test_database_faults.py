"""Which errors of the databases pass by themselves, asked of the databases themselves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import Settings
from app.db import session
from app.db.session import Database, async_session, is_transient, pools
from tests.support.chaos.proxy import TcpProxy
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.environment import use_settings
from tests.support.postgres import Postgres
from tests.support.processes import wait_until

ONE = text("SELECT 1")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The test's database, as a worker opens it."""
    opened = Database()
    yield opened
    with contextlib.suppress(SQLAlchemyError):
        opened.close()


@pytest.fixture
def line(
    clean_settings: pytest.MonkeyPatch, postgres: Postgres, postgres_url: str, tmp_path: Path
) -> Iterator[TcpProxy]:
    """The line to a PostgreSQL that the settings of this process lead through."""
    with TcpProxy("127.0.0.1", postgres.port) as proxy:
        use_settings(
            clean_settings,
            database_url=postgres_url.replace(str(postgres.port), str(proxy.port)),
            data_dir=tmp_path,
            lease_seconds=3,
            heartbeat_seconds=1,
        )
        yield proxy


def fault_of(ask: Callable[[], object]) -> BaseException:
    with pytest.raises(SQLAlchemyError) as caught:
        ask()
    return caught.value


def fault(database: Database, statement: str) -> BaseException:
    return fault_of(lambda: database.execute(text(statement)))


# -- PostgreSQL -------------------------------------------------------------------------------


@on_postgresql
def test_every_stage_of_a_crash_passes(database: Database, postgres: Postgres) -> None:
    """Broken connection, refused connections, starting up, recovery: and then it answers."""
    database.execute(ONE)
    postgres.stop(signal.SIGQUIT)
    assert is_transient(fault_of(lambda: database.execute(ONE)))
    assert is_transient(fault_of(lambda: database.execute(ONE)))
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(_repeat_until_answered, database, time.monotonic() + 20)
        postgres.start()
        answered.result()


def _repeat_until_answered(database: Database, deadline: float) -> None:
    while True:
        try:
            database.execute(ONE)
        except SQLAlchemyError as error:
            if not is_transient(error) or time.monotonic() > deadline:
                raise
        else:
            return


@on_postgresql
def test_a_statement_that_an_immediate_stop_interrupts_may_be_repeated(
    database: Database, postgres: Postgres
) -> None:
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(fault, database, "SELECT pg_sleep(5)")
        with postgres.connect("postgres") as other:
            query = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(5)'"
            wait_until(
                lambda: other.execute(query).fetchall(), timeout=5, what="the statement runs"
            )
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        assert is_transient(found.result())


@on_postgresql
def test_after_a_restart_the_first_statement_already_succeeds(
    database: Database, postgres: Postgres
) -> None:
    """An idle connection is looked at before it is used: nothing needs to fail to find out."""
    database.execute(ONE)
    with database.transaction() as connection:
        connection.execute(ONE)
    postgres.stop()
    postgres.start()
    assert database.execute(ONE).one()[0] == 1
    with database.transaction() as connection:
        assert connection.execute(ONE).one()[0] == 1


@on_postgresql
async def test_a_session_on_a_loop_survives_a_restart(
    settings: Settings, postgres: Postgres
) -> None:
    async with pools():
        async with async_session() as db:
            await db.execute(ONE)
        postgres.stop()
        postgres.start()
        async with async_session() as db:
            assert (await db.execute(ONE)).scalar_one() == 1


@on_postgresql
def test_a_full_server_passes(
    clean_settings: pytest.MonkeyPatch, settings: Settings, postgres: Postgres
) -> None:
    """Too many connections for the role; the limit of the server says the same."""
    with postgres.connect("postgres") as admin:
        admin.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    try:
        url = settings.resolved_database_url.replace("postgres@", "crowded@")
        use_settings(clean_settings, database_url=url)
        found = fault_of(lambda: Database().execute(ONE))
        assert "too many connections" in str(found)
        assert is_transient(found)
    finally:
        with postgres.connect("postgres") as admin:
            admin.execute("DROP ROLE crowded")


@pytest.mark.parametrize(
    "code",
    [
        "57P01", "57P02", "57P03", "57014", "53300", "53200", "53100", "08006", "08P01", "40001",
        "40P01", "55P03", "25006", "26000", "42P05", "58030", "28P01", "3D000",
    ],
)  # fmt: skip
@on_postgresql
def test_states_that_pass(database: Database, code: str) -> None:
    assert is_transient(fault(database, _raising(code)))


@pytest.mark.parametrize("code", ["22012", "23505", "42P01", "42601", "54001", "22P05", "XX000"])
@on_postgresql
def test_states_that_do_not_pass(database: Database, code: str) -> None:
    assert not is_transient(fault(database, _raising(code)))


def _raising(code: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '{code}'; END $$"


@on_postgresql
def test_a_schema_migrated_under_a_prepared_statement_passes(database: Database) -> None:
    """A new connection prepares it anew; each statement that fails gets one."""
    database.execute(text("CREATE TABLE shifting (a int)"))
    statement = text("SELECT * FROM shifting")
    for _ in range(10):
        database.execute(statement)
    database.execute(text("ALTER TABLE shifting ADD COLUMN b int"))
    other = Database()
    with contextlib.suppress(SQLAlchemyError):
        for _ in range(2):
            database.execute(statement)
    assert database.execute(statement).all() == other.execute(statement).all() == []
    other.close()


@on_postgresql
def test_a_deadlock_passes(database: Database) -> None:
    database.execute(text("CREATE TABLE pairs AS SELECT generate_series(1, 2) AS id"))
    met = threading.Barrier(2, timeout=5)
    faults: list[BaseException] = []

    def lock(first: int, second: int) -> None:
        try:
            with database.transaction() as connection:
                connection.execute(text(f"SELECT 1 FROM pairs WHERE id = {first} FOR UPDATE"))
                met.wait()
                connection.execute(text(f"SELECT 1 FROM pairs WHERE id = {second} FOR UPDATE"))
        except SQLAlchemyError as error:
            faults.append(error)

    threads = [threading.Thread(target=lock, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(faults) == 1
    assert is_transient(faults[0])


# -- the line between -------------------------------------------------------------------------


def test_a_reset_line_passes_and_the_next_statement_succeeds(line: TcpProxy) -> None:
    database = Database()
    database.execute(ONE)
    line.reset()
    assert is_transient(fault_of(lambda: database.execute(ONE)))
    line.refuse()
    assert is_transient(fault_of(lambda: database.execute(ONE)))
    line.pass_()
    assert database.execute(ONE).one()[0] == 1
    database.close()


def test_a_line_that_swallows_everything_is_given_up_within_a_third_of_the_lease(
    line: TcpProxy,
) -> None:
    database = Database()
    database.execute(ONE)
    line.blackhole()
    for statement in (ONE, ONE):  # the open connection first, then the attempt at a new one
        started = time.monotonic()
        assert is_transient(fault_of(lambda: database.execute(statement)))  # noqa: B023
        assert time.monotonic() - started < 5
    line.pass_()
    assert database.execute(ONE).one()[0] == 1
    database.close()


def test_a_transaction_on_such_a_line_is_given_up_too(line: TcpProxy) -> None:
    database = Database()

    def transact() -> None:
        with database.transaction() as connection:
            connection.execute(ONE)
            line.blackhole()
            connection.execute(ONE)

    started = time.monotonic()
    assert is_transient(fault_of(transact))
    assert time.monotonic() - started < 3
    line.pass_()
    with database.transaction() as connection:
        assert connection.execute(ONE).one()[0] == 1
    database.close()


def test_a_slow_statement_is_ended_by_the_server(line: TcpProxy) -> None:
    database = Database()
    started = time.monotonic()
    assert is_transient(fault(database, "SELECT pg_sleep(30)"))
    assert time.monotonic() - started < 2
    database.close()


# -- SQLite -----------------------------------------------------------------------------------


@on_sqlite
def test_a_lock_held_by_somebody_else_passes(
    clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    use_settings(clean_settings, lease_seconds=3, heartbeat_seconds=1)
    database = Database()
    path = settings.resolved_database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert is_transient(fault(database, "CREATE TABLE t (a)"))
    database.close()


@on_sqlite
def test_what_is_wrong_stays_wrong(database: Database) -> None:
    assert not is_transient(fault(database, "SELECT * FROM nothing_of_this_name"))
    assert not is_transient(fault(database, "SELEC"))
    database.execute(text("CREATE TABLE t (a PRIMARY KEY)"))
    database.execute(text("INSERT INTO t VALUES (1)"))
    assert not is_transient(fault(database, "INSERT INTO t VALUES (1)"))


async def test_pools_are_closed_however_the_block_ends(settings: Settings) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        async with pools():
            pooled = session._engine(read_only=False)
            raise asyncio.CancelledError
    assert session._engine(read_only=False) is not pooled
