"""Statements that carry a whole database over into another one, table by table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    column,
    func,
    literal,
    null,
    select,
    table,
    type_coerce,
)

from app.db.base import JsonText
from app.queries.types import Rows

_HIGHEST = table("sqlite_sequence", column("name", Text), column("seq", Integer))


def everything(of: Table) -> Rows:
    """Every row with all its columns, in their order. JSON is not read: its text is the value."""
    return select(*(_as_stored(each) for each in of.columns))


def _as_stored(each: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(each, Text).label(each.name) if isinstance(each.type, JsonText) else each


def numbers(of: Table) -> Rows:
    """How many rows there are; one row for each status where there is such a column."""
    if "status" in of.columns:
        status = of.columns["status"]
        return select(status, func.count()).group_by(status)
    return select(null(), func.count()).select_from(of)


def any_row(of: Table) -> Rows:
    """A row, if there is one."""
    return select(literal(1)).select_from(of).limit(1)


def highest(of: Table, number: Column[Any]) -> Select[int | None]:
    """The highest number that a row has."""
    return select(func.max(number)).select_from(of)


def highest_ever(of: Table) -> Select[int]:
    """The highest number that SQLite has given to a row of a table that never gives one twice."""
    return select(_HIGHEST.c.seq).where(_HIGHEST.c.name == of.name)


def go_on_after(of: Table, number: Column[Any], value: int) -> Rows:
    """Have PostgreSQL give the next row a higher number."""
    return select(func.setval(func.pg_get_serial_sequence(of.name, number.name), value))
