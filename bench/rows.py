"""Many rows fast: COPY on PostgreSQL, one executemany on SQLite, in each one's own storage form.

A row is copied from one that the service itself has built, so its columns are always today's;
a caller changes what is to differ.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Table, create_engine, insert
from uuid_utils.compat import uuid7

from app.models import Task
from app.services.building import NewTask, build_row
from app.services.catalogue import catalogue

Row = dict[str, Any]
_TASKS = cast("Table", Task.__table__)


class Store:
    """A database as its driver sees it. `moment` and `identity` are a time and an id as stored."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._path = url.removeprefix("sqlite:///")

    def moment(self, seconds: float) -> Any:
        """A time in seconds since 1970."""
        if self.is_sqlite:
            return round(seconds * 1_000_000)
        return datetime.fromtimestamp(seconds, UTC)

    def identity(self, value: uuid.UUID) -> Any:
        """An id."""
        return value.hex if self.is_sqlite else value

    def build(self, function: str, label: str, args: Sequence[Any] = ()) -> Row:
        """A waiting row of that function, as the service builds it; it is not left behind."""
        new = NewTask(name=label, task_type=label, celery_task_name=function, args=args)
        values = build_row(new, catalogue())
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            # Times and the rank are expressions: the database computes them, then forgets the row.
            with engine.connect() as connection:
                statement = insert(_TASKS).values(values).returning(*_TASKS.columns)
                stored = connection.execute(statement).one()._mapping
                connection.rollback()
        finally:
            engine.dispose()
        return {column.name: self._stored(column, stored[column.name]) for column in _TASKS.columns}

    def _stored(self, column: Any, value: Any) -> Any:
        if not self.is_sqlite and isinstance(value, uuid.UUID | datetime):
            return value
        dialect = _DIALECTS[self.is_sqlite]
        process = column.type.dialect_impl(dialect).bind_processor(dialect)
        return value if process is None else process(value)

    def add(self, table: str, rows: Iterable[Row]) -> int:
        """Insert all rows in one transaction; the number of them."""
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return 0
        counted = _Counted(first, iterator)
        (self._add_sqlite if self.is_sqlite else self._copy)(table, list(first), counted)
        return counted.count

    def _add_sqlite(self, table: str, names: list[str], rows: Iterable[Row]) -> None:
        places = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
        connection = sqlite3.connect(self._path, timeout=60)
        try:
            with connection:
                connection.executemany(statement, (tuple(row.values()) for row in rows))
        finally:
            connection.close()

    def _copy(self, table: str, names: list[str], rows: Iterable[Row]) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with (
            psycopg.connect(self.url) as connection,
            connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            for row in rows:
                copy.write_row(tuple(row.values()))

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement that commits on its own, such as VACUUM or ANALYZE."""
        if self.is_sqlite:
            lite = sqlite3.connect(self._path, timeout=60, isolation_level=None)
            try:
                return lite.execute(statement).fetchall()
            finally:
                lite.close()
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


class _Counted:
    def __init__(self, first: Row, rest: Iterator[Row]) -> None:
        self._first, self._rest = first, rest
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        self.count = 1
        yield self._first
        for row in self._rest:
            self.count += 1
            yield row


def _dialect(url: str) -> Any:
    return create_engine(url).dialect


_DIALECTS = {True: _dialect("sqlite://"), False: _dialect("postgresql+psycopg://")}


def copies(
    store: Store, row: Row, count: int, changes: Callable[[int], Row] | None = None
) -> Iterator[Row]:
    """That many rows like `row`, each with ids of its own; `changes` gives what else differs."""
    for number in range(count):
        own = {"id": store.identity(uuid7()), "celery_id": store.identity(uuid.uuid4())}
        yield {**row, **own, **(changes(number) if changes else {})}
