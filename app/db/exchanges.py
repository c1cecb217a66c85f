"""A transaction of the hot path, in as few exchanges with the database as it allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, Row
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

from app.db.patience import numbered_cursor
from app.db.prepared import Call, Prepared


class Fetched:
    """The rows of one statement, all read; the part of SQLAlchemy's `Result` that is used."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        self._rows = rows

    def all(self) -> Sequence[Row[Any]]:
        """Every row."""
        return self._rows

    def first(self) -> Row[Any] | None:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Row[Any] | None:
        """The only row, or None; `MultipleResultsFound` if there are more."""
        if len(self._rows) > 1:
            raise MultipleResultsFound(f"{len(self._rows)} rows where one was expected")
        return self.first()

    def one(self) -> Row[Any]:
        """The only row; `NoResultFound` if there is none."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("no row where one was expected")
        return row

    def column(self) -> list[Any]:
        """The first column."""
        return [row[0] for row in self._rows]


class Exchanges:
    """Statements of one transaction, which begins with the first of them.

    They must return rows, and be built once and kept (`functools.cache`).
    """

    def __init__(
        self, driver: Any, dialect: Dialect, prepare: Callable[[Executable, Dialect], Prepared]
    ) -> None:
        self._driver = driver
        self._dialect = dialect
        self._prepare = prepare
        self._begun = False

    def ask(self, *calls: Call, ending: bool = False) -> list[Fetched]:
        """Execute these statements one after another; PostgreSQL gets them in one exchange.

        Each sees what the ones before it did, and what others had committed when its turn came.
        `ending`: they are the last ones, and the transaction is committed with them.
        """
        prepared = [self._prepare(statement, self._dialect) for statement, _ in calls]
        texts = [
            (each.text, each.parameters(given))
            for each, (_, given) in zip(prepared, calls, strict=True)
        ]
        if self._is_postgresql:
            found = self._at_once(texts, ending=ending)
        else:
            found = self._in_turn(texts)
            if ending:
                self.commit()
        return [Fetched(each.rows(rows)) for each, rows in zip(prepared, found, strict=True)]

    def commit(self) -> None:
        """End the transaction, if it has begun."""
        if self._begun:
            self._driver.execute("COMMIT")
            self._begun = False

    @property
    def _is_postgresql(self) -> bool:
        return self._dialect.name == "postgresql"

    def _at_once(self, texts: list[tuple[str, list[Any]]], *, ending: bool) -> list[list[Any]]:
        with self._driver.pipeline():
            if not self._begun:
                self._driver.execute("BEGIN")
                self._begun = True
            cursors = [numbered_cursor(self._driver) for _ in texts]
            for cursor, (text, parameters) in zip(cursors, texts, strict=True):
                cursor.execute(text, parameters, prepare=True)
            if ending:
                # After one that fails the server passes over the rest, this too.
                self._driver.execute("COMMIT")
                self._begun = False
        return [cursor.fetchall() for cursor in cursors]

    def _in_turn(self, texts: list[tuple[str, list[Any]]]) -> list[list[Any]]:
        if not self._begun:
            self._driver.execute("BEGIN IMMEDIATE")
            self._begun = True
        return [self._driver.execute(text, parameters).fetchall() for text, parameters in texts]
