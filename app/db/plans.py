"""What tells a database how not to look for rows, where its own guess is known to be bad."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class aside(FunctionElement[Any]):  # noqa: N801 - reads like the SQL it is
    """The same value, only that SQLite does not use an index on it.

    SQLite keeps no statistics unless it is told to, and takes any index on an equality for a good one.
    """

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(aside, "sqlite")
def _aside_sqlite(element: aside, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(aside, "postgresql")
def _aside_postgresql(element: aside, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


def one_of(column: Any, found: Select[Any]) -> ColumnElement[bool]:
    """Whether the value is one of those that a statement finds, which is asked once and first.

    With `IN` PostgreSQL may begin at the other end, and does when it expects next to nothing there:
    each row that it finds is then compared with all of these, thousands by thousands. As an array
    they are sorted and looked up in the index of the column, which has to have one.
    """
    # No operator: what follows brings its own.
    condition: ColumnElement[bool] = column.bool_op("")(_in_found(found.scalar_subquery()))
    return condition


class _in_found(FunctionElement[Any]):  # noqa: N801
    """The right side of `one_of`, with its operator."""

    inherit_cache = True


@compiles(_in_found, "sqlite")
def _in_found_sqlite(element: _in_found, compiler: SQLCompiler, **kw: Any) -> str:
    return f"IN {compiler.process(element.clauses, **kw)}"


@compiles(_in_found, "postgresql")
def _in_found_postgresql(element: _in_found, compiler: SQLCompiler, **kw: Any) -> str:
    return f"= ANY (ARRAY{compiler.process(element.clauses, **kw)})"
