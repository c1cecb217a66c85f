"""Databases with something in every table, and what is in them.

The rows need not make sense; they have in each column what its type can hold that travels badly.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    Uuid,
)

import app.models  # noqa: F401 - fills the metadata
from app.db.base import Base, JsonText, Timestamp
from app.db.engines import sync_engine

Row = dict[str, Any]
ROWS = 3
_MOMENT = datetime(2026, 11, 27, 12, 0, 0, 123_456, UTC)
_AMONG = re.compile(r"(?P<column>\w+) IN \((?P<values>.*)\)")


def tables() -> list[Table]:
    """Every table, those first that others refer to."""
    return list(Base.metadata.sorted_tables)


def furnish(url: str) -> None:
    """Put three rows into every table, whatever columns there will be one day."""
    engine = sync_engine(durable=True, given=url)
    made: dict[str, list[Row]] = {}
    with engine.begin() as connection:
        for table in tables():
            made[table.name] = [_row(table, number, made) for number in range(ROWS)]
            connection.execute(table.insert(), made[table.name])
    engine.dispose()


def _row(table: Table, number: int, made: dict[str, list[Row]]) -> Row:
    allowed = _allowed(table)
    row: Row = {}
    for column in table.columns:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = made[key.column.table.name][number][key.column.name]
        elif values := allowed.get(column.name):
            row[column.name] = values[number % len(values)]
        elif column.nullable and number == ROWS - 1:
            row[column.name] = None
        else:
            row[column.name] = _value(column, number)
    return row


def _allowed(table: Table) -> dict[str, list[str]]:
    """The values that a CHECK lets a column have."""
    checks = [str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)]
    found = filter(None, map(_AMONG.fullmatch, checks))
    return {each["column"]: re.findall(r"'([^']*)'", each["values"]) for each in found}


def _value(column: Column[Any], number: int) -> Any:
    kind = column.type
    if isinstance(kind, Uuid):
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{column} {number}")
    if isinstance(kind, Timestamp):
        return _MOMENT + timedelta(days=number)
    if isinstance(kind, JsonText):
        # Text that PostgreSQL's own JSON types would change or refuse.
        return {"b": [1.5, None, True, "\x00 任务"], "a": 2**70 + number, "": {}}
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, BigInteger):
        return 2**53 + 1 + number if not column.primary_key else number + 1
    if isinstance(kind, Integer):
        return number + 1
    if isinstance(kind, Float):
        return 0.1 + number
    return f"{column.name} {number} \\ \\N \t\r\n'\" é 任务 \U0001f600" if number else "\\."


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as the models read it, in an order that both databases share."""
    engine = sync_engine(durable=True, given=url)
    try:
        with engine.connect() as connection:
            return {table.name: _sorted(connection, table) for table in tables()}
    finally:
        engine.dispose()


def _sorted(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
