"""Statements of the hot path: compiled once, then handed to the driver as they are.

SQLAlchemy's work for one execution costs as much as SQLite's and more than PostgreSQL's own, and a
task needs two of them (docs/decisions/0010). The statements are the same ones, built in
`app.queries`; only the way to the driver is shorter.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Float
from sqlalchemy.engine import Dialect

Convert = Callable[[Any], Any]


class Prepared:
    """One statement for one database, with the conversions that its types need.

    Bind parameters must be plain ones: no lists that expand when it is executed.
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.named_text = str(compiled)
        self.text, self.names = self.named_text, compiled.positiontup or ()
        if not compiled.positional:
            self.text, self.names = numbered(self.named_text)
        self._defaults = dict(compiled.params)
        self._binders = {
            name: convert
            for name, bind in compiled.binds.items()
            if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }
        self._defaults = {name: self._bound(name, value) for name, value in self._defaults.items()}
        columns = list(statement.exported_columns)
        self.types = [column.type.compile(dialect=dialect) for column in columns]
        self._row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        self._readers = [
            (place, convert)
            for place, column in enumerate(columns)
            # Both drivers give floats as such; SQLAlchemy would want to see which kind it got.
            if not isinstance(column.type, Float)
            and (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def _bound(self, name: str, value: Any) -> Any:
        convert = self._binders.get(name)
        return value if convert is None else convert(value)

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter by name, as the driver takes it."""
        bound = self._defaults.copy()
        for name, value in given.items():
            bound[name] = self._bound(name, value)
        return bound

    def parameters(self, given: Mapping[str, Any]) -> list[Any]:
        """What the driver takes, in the order of the text."""
        bound = self.bind(given)
        return [bound[name] for name in self.names]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        """The driver's rows as the statement's columns say."""
        if not self._readers:
            return [self._row._make(row) for row in found]
        made = []
        for row in found:
            values = list(row)
            for place, convert in self._readers:
                values[place] = convert(values[place])
            made.append(self._row._make(values))
        return made


class Together:
    """Several statements as one, for a database that can: one exchange and one commit.

    Each becomes a part of one `WITH`; all see the same snapshot, so none may need what another one
    writes.
    """

    def __init__(self, parts: Sequence[Prepared]) -> None:
        self._parts = parts
        withs, selects = [], []
        for number, part in enumerate(parts):
            named = part.named_text.replace("%(", f"%(p{number}_")
            withs.append(f"p{number} AS ({named})")
            columns = ", ".join(
                f"p{number}.*" if place == number else _nothing(other)
                for place, other in enumerate(parts)
            )
            selects.append(f"SELECT {number}, {columns} FROM p{number}")  # noqa: S608 - of our own parts
        self.text, self._names = numbered(f"WITH {', '.join(withs)} {' UNION ALL '.join(selects)}")
        ends, start = [], 1
        for part in parts:
            ends.append((start, start + len(part.types)))
            start = ends[-1][1]
        self._places = ends

    def parameters(self, given: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What the driver takes, in the order of the text."""
        bound = {
            f"p{number}_{name}": value
            for number, (part, values) in enumerate(zip(self._parts, given, strict=True))
            for name, value in part.bind(values).items()
        }
        return [bound[name] for name in self._names]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The rows of each part."""
        apart: list[list[Sequence[Any]]] = [[] for _ in self._parts]
        for row in found:
            start, end = self._places[row[0]]
            apart[row[0]].append(row[start:end])
        return [part.rows(rows) for part, rows in zip(self._parts, apart, strict=True)]


_NAMED = re.compile(r"%\((?P<name>[^)]+)\)s|%%")


def numbered(text: str) -> tuple[str, list[str]]:
    """`%(name)s` as PostgreSQL's own `$1`, and the names in that order.

    psycopg would do it at every execution, since it keeps only short texts in mind.
    """
    places: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match["name"]
        return "%" if name is None else f"${places.setdefault(name, len(places) + 1)}"

    return _NAMED.sub(number, text), list(places)


def _nothing(part: Prepared) -> str:
    return ", ".join(f"NULL::{type_}" for type_ in part.types)


Call = tuple[Executable, Mapping[str, Any]]
