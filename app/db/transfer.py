"""The two ends of a move: an SQLite file that nobody else has open, and an empty PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

# SQLite: BUSY and LOCKED.
_HELD = {5, 6}
# Rows that one COPY takes: the server keeps a note of each in memory until the end of the statement,
# to look for what its foreign keys name. No table refers to itself.
COPIED_AT_ONCE = 100_000


class FileInUse(Exception):
    """Another process has the SQLite file open."""


@contextmanager
def sole_user(engine: Engine) -> Iterator[Connection]:
    """A connection to an SQLite file that no other process has open, nor opens before the end.

    Raises `FileInUse`. Whoever has the file open in WAL mode holds a shared lock on it, also between
    two transactions; so the exclusive one is to be had by the only process alone, and a process
    that was killed holds none. That is more than any row about workers could say.
    """
    try:
        opened = engine.connect()  # fails already while another one has the file alone
    except OperationalError as error:
        raise _told(error) from None
    with opened.execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE").close()
        try:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        except OperationalError as error:
            raise _told(error) from None
        try:
            yield connection
        finally:
            connection.exec_driver_sql("ROLLBACK")


def _told(error: OperationalError) -> Exception:
    """The error, or what it says to whoever wants the file alone."""
    held = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _HELD
    return FileInUse() if held else error


@contextmanager
def without_triggers(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """While it lasts, PostgreSQL writes what it is given and nothing besides; foreign keys hold.

    Nobody else writes to the tables from then on until the transaction ends.
    """
    for each in tables:
        connection.exec_driver_sql(f"ALTER TABLE {each.name} DISABLE TRIGGER USER")
    yield
    for each in tables:
        connection.exec_driver_sql(f"ALTER TABLE {each.name} ENABLE TRIGGER USER")


def copy_rows(connection: Connection, into: Table, rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows that have all of the table's columns, in their order, in the connection's transaction.

    Raises `DBAPIError` for a row that PostgreSQL does not take.
    """
    names = sql.SQL(", ").join(sql.Identifier(each.name) for each in into.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(into.name), names)
    driver: Any = connection.connection.driver_connection
    rest = iter(rows)
    try:
        with driver.cursor() as cursor:
            for first in rest:
                with cursor.copy(statement) as copy:
                    copy.write_row(first)
                    for row in islice(rest, COPIED_AT_ONCE - 1):
                        copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, dialect=connection.dialect
        ) from error


def place_of(error: DBAPIError) -> str:
    """Where in the rows PostgreSQL has found what it does not take; empty if it does not say."""
    told = getattr(getattr(error.orig, "diag", None), "context", None)
    return str(told or "").splitlines()[0] if told else ""
