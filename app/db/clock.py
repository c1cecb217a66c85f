"""The database's clock and other expressions that the two databases spell differently.

Only the database's clock decides about a task. On PostgreSQL that is `clock_timestamp()`:
`now()` is the start of the transaction, and a lease computed from it would be partly over
when the statement has waited for a lock.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Uuid, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from app.db.base import Timestamp

# Milliseconds are as fine as SQLite's clock is; the rounding removes what the float adds.
_SQLITE_NOW = "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)"


class now(FunctionElement[datetime]):  # noqa: N801 - reads like the SQL function it is
    """The instant at which the row is touched."""

    type = Timestamp()
    inherit_cache = True


class after(FunctionElement[datetime]):  # noqa: N801
    """The clock plus a number of seconds: `after(30)`, `after(bindparam("wait", type_=Float))`."""

    type = Timestamp()
    inherit_cache = True

    def __init__(self, seconds: float | ColumnElement[Any]) -> None:
        super().__init__(seconds if isinstance(seconds, ColumnElement) else literal(seconds, Float))


class later(FunctionElement[datetime]):  # noqa: N801
    """A timestamp plus a number of seconds: `later(moment, seconds)`."""

    type = Timestamp()
    inherit_cache = True


class micros(FunctionElement[int]):  # noqa: N801
    """A timestamp as integer microseconds since 1970, or the difference of two."""

    type = BigInteger()
    inherit_cache = True


class hour_of(FunctionElement[datetime]):  # noqa: N801
    """The begin of the hour (UTC) in which a timestamp is."""

    type = Timestamp()
    inherit_cache = True


class new_uuid(FunctionElement[uuid.UUID]):  # noqa: N801
    """A fresh random id for each row that the statement touches."""

    type = Uuid()
    inherit_cache = True


class place(FunctionElement[Any]):  # noqa: N801
    """Where a row of the statement's only table lies: names rows of a table without a key."""

    type = NullType()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    return _SQLITE_NOW


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    return "clock_timestamp()"


@compiles(after, "sqlite")
def _after_sqlite(element: after, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"({_SQLITE_NOW} + CAST(({seconds}) * 1000000 AS INTEGER))"


@compiles(after, "postgresql")
def _after_postgresql(element: after, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => ({seconds})::double precision))"


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: SQLCompiler, **kw: Any) -> str:
    moment, seconds = (compiler.process(each, **kw) for each in element.clauses)
    return f"({moment} + CAST(({seconds}) * 1000000 AS INTEGER))"


@compiles(later, "postgresql")
def _later_postgresql(element: later, compiler: SQLCompiler, **kw: Any) -> str:
    moment, seconds = (compiler.process(each, **kw) for each in element.clauses)
    return f"({moment} + make_interval(secs => ({seconds})::double precision))"


@compiles(micros, "sqlite")
def _micros_sqlite(element: micros, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)})"


@compiles(micros, "postgresql")
def _micros_postgresql(element: micros, compiler: SQLCompiler, **kw: Any) -> str:
    # extract() of a timestamptz is numeric since PostgreSQL 14: exact, no float on the way.
    return f"(extract(epoch from {compiler.process(element.clauses, **kw)}) * 1000000)::bigint"


@compiles(hour_of, "sqlite")
def _hour_of_sqlite(element: hour_of, compiler: SQLCompiler, **kw: Any) -> str:
    moment = compiler.process(element.clauses, **kw)
    return f"({moment} - {moment} % 3600000000)"


@compiles(hour_of, "postgresql")
def _hour_of_postgresql(element: hour_of, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date_trunc('hour', {compiler.process(element.clauses, **kw)}, 'UTC')"


@compiles(new_uuid, "sqlite")
def _new_uuid_sqlite(element: new_uuid, compiler: SQLCompiler, **kw: Any) -> str:
    return "lower(hex(randomblob(16)))"


@compiles(new_uuid, "postgresql")
def _new_uuid_postgresql(element: new_uuid, compiler: SQLCompiler, **kw: Any) -> str:
    return "gen_random_uuid()"


@compiles(place, "sqlite")
def _place_sqlite(element: place, compiler: SQLCompiler, **kw: Any) -> str:
    return "rowid"


@compiles(place, "postgresql")
def _place_postgresql(element: place, compiler: SQLCompiler, **kw: Any) -> str:
    return "ctid"
