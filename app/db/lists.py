"""`column IN (...)` for many values, as one parameter.

A list that expands into one parameter for each value is built, sent and planned anew at every length;
for the thousand rows of a window that costs more than the rows themselves.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any, Self

from sqlalchemy import Boolean, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Text, TypeDecorator, TypeEngine, Uuid


class _Uuids(TypeDecorator[list[uuid.UUID]]):
    """Many ids in one parameter: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(Uuid()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: list[uuid.UUID] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps([each.hex for each in value])


class one_of(FunctionElement[bool]):  # noqa: N801 - reads like the SQL it is
    """Whether `column` is one of these ids, or of those in the parameter of this name."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, ids: Iterable[uuid.UUID] | str) -> None:
        if isinstance(ids, str):
            super().__init__(column, bindparam(ids, type_=_Uuids()))
        else:
            super().__init__(column, bindparam(None, list(ids), type_=_Uuids(), unique=True))

    def self_group(self, against: Any = None) -> Self:
        """As it is, beside other conditions too.

        It would be compared with 1 there on SQLite, which then does not use the index of the column.
        """
        return self


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, ids = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} = ANY({ids})"


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, ids = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"  # noqa: S608 - compiled parts
