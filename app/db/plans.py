"""What tells a database how not to look for rows, where its own guess is known to be bad."""

from __future__ import annotations

from typing import Any

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
