"""Rows that travel as one parameter and are read like a table.

A statement over them has one text, whether it is about one row or ten thousand: it is compiled once,
prepared once, and needs no more parameters than one. The parameter is JSON, which both databases
can take apart; the conversions are those of the columns' types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, column
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine, Uuid

from app.db.base import JsonText, Timestamp, dump_json, to_micros

Convert = Callable[[Any], Any]


class Records:
    """A table of records, given as the parameter `name`: a sequence of mappings with these keys.

    `records.table` stands in FROM, `records["key"]` is a column of it. One in a statement.
    """

    def __init__(self, name: str, types: Mapping[str, TypeEngine[Any]]) -> None:
        columns = [column(key, type_) for key, type_ in types.items()]
        parameter = bindparam(name, type_=_Packed(types))
        self.table = _table(parameter, *columns)
        self._fields: dict[str, ColumnElement[Any]] = {
            each.key: _field(each, position) for position, each in enumerate(columns)
        }

    def __getitem__(self, key: str) -> ColumnElement[Any]:
        return self._fields[key]


class _Packed(TypeDecorator[Any]):
    """The records as JSON: objects for PostgreSQL, which names their fields, arrays for SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        super().__init__()
        self.fields = tuple(types.items())

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """How the driver gets it. Raises `KeyError` for a record that lacks a field."""
        fields = [(key, _convert(type_, dialect.name)) for key, type_ in self.fields]
        pack = _array if dialect.name == "sqlite" else _object

        def packed(records: Sequence[Mapping[str, Any]]) -> str:
            return _encode([pack(record, fields) for record in records])

        return packed


_Fields = list[tuple[str, Convert | None]]
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _object(record: Mapping[str, Any], fields: _Fields) -> dict[str, Any]:
    # What is not named is NULL, and most of a new row is.
    return {
        key: value if convert is None else convert(value)
        for key, convert in fields
        if (value := record[key]) is not None
    }


def _array(record: Mapping[str, Any], fields: _Fields) -> list[Any]:
    return [
        value if convert is None or value is None else convert(value)
        for key, convert in fields
        for value in (record[key],)
    ]


def _convert(type_: TypeEngine[Any], dialect: str) -> Convert | None:
    """What makes of a value what JSON can say and the database reads as that type."""
    if isinstance(type_, Uuid):
        return attrgetter("hex") if dialect == "sqlite" else str
    if isinstance(type_, Timestamp):
        return to_micros if dialect == "sqlite" else datetime.isoformat
    return dump_json if isinstance(type_, JsonText) else None


class _table(FunctionElement[Any]):  # noqa: N801 - reads like the SQL function it is
    """The parameter and the columns."""

    inherit_cache = True


class _field(FunctionElement[Any]):  # noqa: N801
    """A column and its position."""

    inherit_cache = True

    def __init__(self, of: ColumnElement[Any], position: int) -> None:
        super().__init__(of, position)
        self.type = of.type


@compiles(_table, "postgresql")
def _table_postgresql(element: _table, compiler: SQLCompiler, **kw: Any) -> str:
    parameter, *columns = element.clauses
    types = compiler.dialect.type_compiler_instance
    named = ", ".join(f"{each.key} {types.process(each.type)}" for each in columns)
    return f"json_to_recordset(CAST({compiler.process(parameter, **kw)} AS JSON)) AS given({named})"


@compiles(_table, "sqlite")
def _table_sqlite(element: _table, compiler: SQLCompiler, **kw: Any) -> str:
    parameter, *_ = element.clauses
    return f"json_each({compiler.process(parameter, **kw)}) AS given"


@compiles(_field, "postgresql")
def _field_postgresql(element: _field, compiler: SQLCompiler, **kw: Any) -> str:
    of, _ = element.clauses
    return f"given.{of.key}"


@compiles(_field, "sqlite")
def _field_sqlite(element: _field, compiler: SQLCompiler, **kw: Any) -> str:
    _, position = element.clauses
    return f"json_extract(given.value, '$[{position.value}]')"
