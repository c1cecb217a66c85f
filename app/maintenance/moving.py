"""Moving everything from the SQLite file of the settings to an empty PostgreSQL database.

All of it is one transaction there: a move that is interrupted leaves an empty database, and the
next one begins anew. The file is only read, and nobody else has it open meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from app.core.config import get_settings
from app.core.errors import Conflict
from app.db import migrate
from app.db.base import Base, JsonText
from app.db.engines import sync_engine
from app.db.faults import is_locked
from app.db.session import Database, allow_time_on, limit_lock_waits_on
from app.db.transfer import FileInUse, copy_rows, place_of, sole_user, without_triggers
from app.domain.lifecycle import TaskStatus
from app.maintenance import invariants
from app.maintenance.invariants import Finding
from app.models import Task
from app.queries import moving as queries

# Rows in memory at a time.
BATCH = 2_000
# A process that is just ending still has the file.
FILE_PATIENCE_SECONDS = 3.0
LOCK_SECONDS = 5.0
# For a statement about the largest table there may be.
COPY_PATIENCE_SECONDS = 24 * 3600.0
# Rows named in which something was changed; of more there is only their number.
MOST_NAMED = 20

# Table, rows copied, rows there are.
Told = Callable[[str, int, int], object]
Numbers = dict[str | int | None, int]


class MoveRefused(Conflict):
    """Nothing was moved. The text says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What is in the new database now.

    `running` tasks are as their workers left them: agents judge them by their policies. `mended`
    names rows whose text held NUL, which PostgreSQL cannot keep, of `mended_rows`. `findings` say
    where rows do not agree with each other.
    """

    rows: dict[str, int]
    running: int
    seconds: float
    mended_rows: int = 0
    mended: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def move(target: str, told: Told = lambda *_: None) -> Moved:
    """Copy every row, with its id, into the PostgreSQL database at the URL `target`.

    Raises `MoveRefused`: somebody has the file open, a schema is another one, the target is not
    empty or does not take a row. Raises `ConfigurationError` when the target cannot be migrated.
    """
    began = time.monotonic()
    _check_target(target)
    with _source() as source:
        _migrate(target)
        carrier = _Carrier(source, told)
        with _target(target) as goal:
            carrier.carry_all(goal)
    findings = _look_over(target)
    rows = {name: sum(numbers.values()) for name, numbers in carrier.numbers.items()}
    running = carrier.numbers[Task.__tablename__].get(TaskStatus.RUNNING.value, 0)
    seconds = time.monotonic() - began
    return Moved(rows, running, seconds, carrier.mended_rows, carrier.mended, findings)


def _check_target(target: str) -> None:
    if not get_settings().is_sqlite:
        raise MoveRefused(
            "DATABASE_URL is PostgreSQL already, and only an SQLite file is moved; from server to "
            "server: pg_dump and pg_restore"
        )
    try:
        kind = make_url(target).get_backend_name()
    except ArgumentError:
        kind = ""
    if kind not in ("postgresql", "postgres"):
        raise MoveRefused(
            "The target is no PostgreSQL URL; write postgresql://user:password@host/name"
        )


@contextmanager
def _source() -> Iterator[Connection]:
    """The file of the settings, which nobody else has open, and which is as this code knows it."""
    url = get_settings().resolved_database_url
    path = Path(make_url(url).database or "")
    if not path.is_file():
        raise MoveRefused(f"{path} does not exist, so there is nothing to move; see DATABASE_URL")
    engine = sync_engine(durable=True, patience=FILE_PATIENCE_SECONDS)
    try:
        with sole_user(engine) as connection:
            found = migrate.compare(connection)
            if found.state != "current":
                raise MoveRefused(f"{path}: {found.detail}")
            yield connection
    except FileInUse:
        raise MoveRefused(
            f"{path} is in use: stop the API, the workers, beat, Flower and whatever else has it "
            "open (lsof names them), and run it again"
        ) from None
    finally:
        engine.dispose()


def _migrate(target: str) -> None:
    found = migrate.status(target)
    if found.state == "behind" and found.revision is not None:
        # Whoever works there need not be able to work with newer tables.
        raise MoveRefused(
            f"The target has tables of an older version already ({found.revision}). Name a new database "
            "(createdb), or drop this one and create it again"
        )
    found = migrate.upgrade(target)
    if found.state != "current":
        raise MoveRefused(f"The target: {found.detail}; or name a new database")


@contextmanager
def _target(url: str) -> Iterator[Connection]:
    """A transaction in the new database, which commits at the end."""
    engine = sync_engine(durable=True, patience=COPY_PATIENCE_SECONDS, given=url)
    complete = False
    try:
        with engine.begin() as connection:
            yield connection
            complete = True
    except DBAPIError as error:
        if complete:
            raise MoveRefused(
                "The target was lost while it was told to keep everything "
                f"({migrate.reason(error)}). Run it again: if the target is not empty then, all of "
                "it is there"
            ) from None
        if is_locked(error):
            raise MoveRefused(
                "Somebody works in the target at this moment: stop whoever uses it, and run it again"
            ) from None
        where = place_of(error)
        raise MoveRefused(
            f"Nothing was moved. {migrate.reason(error)}{f' ({where})' if where else ''}"
        ) from None
    finally:
        engine.dispose()


class _Carrier:
    """Carries one table after the other, those first that others refer to."""

    def __init__(self, source: Connection, told: Told) -> None:
        self._source = source
        self._told = told
        self.numbers: dict[str, Numbers] = {}
        self.mended_rows = 0
        self.mended: list[str] = []

    def carry_all(self, goal: Connection) -> None:
        """All tables, compared with what was there."""
        tables = Base.metadata.sorted_tables
        allow_time_on(goal, COPY_PATIENCE_SECONDS)
        limit_lock_waits_on(goal, LOCK_SECONDS)
        # From here on nobody else writes there, so what is empty now stays so.
        with without_triggers(goal, tables):
            _refuse_rows(goal, tables)
            for table in tables:
                self._carry(goal, table)
        for table in tables:
            goal.exec_driver_sql(f"ANALYZE {table.name}")

    def _carry(self, goal: Connection, table: Table) -> None:
        self.numbers[table.name] = before = _numbers(self._source, table)
        copy_rows(goal, table, self._rows(table, sum(before.values())))
        if (after := _numbers(goal, table)) != before:
            raise MoveRefused(
                f"Nothing was moved: of {table.name} there are {before} in the file and {after} in "
                "the target, and this should not be possible"
            )
        number = table.autoincrement_column
        if number is not None:
            last = _highest(self._source, table)
            if last:
                goal.execute(queries.go_on_after(table, number, last))

    def _rows(self, table: Table, total: int) -> Iterator[Sequence[Any]]:
        done = 0
        escapes = ["\\u0000" if isinstance(c.type, JsonText) else "\\x00" for c in table.columns]
        self._told(table.name, 0, total)
        for part in self._parts(table):
            for row in part:
                if any(type(value) is str and "\0" in value for value in row):
                    yield self._mend(table, row, escapes)
                else:
                    yield row
            done += len(part)
            self._told(table.name, done, total)

    def _parts(self, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
        try:
            yield from self._source.execute(queries.everything(table)).partitions(BATCH)
        except DBAPIError as error:
            # Nothing of this system's writes text that is not UTF-8: the driver refuses it.
            raise MoveRefused(
                f"Nothing was moved: {table.name} in the file cannot be read: "
                f"{migrate.reason(error)}. Correct that row, or restore a backup"
            ) from None

    def _mend(self, table: Table, row: Sequence[Any], escapes: Sequence[str]) -> list[Any]:
        """The row in text that PostgreSQL can keep, as the system itself writes it (`core.text`)."""
        values = [
            value.replace("\0", escape) if isinstance(value, str) else value
            for value, escape in zip(row, escapes, strict=True)
        ]
        self.mended_rows += 1
        if len(self.mended) < MOST_NAMED:
            named = zip(table.columns, values, strict=True)
            key = ", ".join(f"{c.name} {value}" for c, value in named if c.primary_key)
            self.mended.append(f"{table.name}: {key}")
        return values


def _refuse_rows(goal: Connection, tables: Sequence[Table]) -> None:
    full = [table.name for table in tables if goal.execute(queries.any_row(table)).first()]
    if full:
        raise MoveRefused(
            f"The target is not empty: there are rows in {', '.join(full)}. Name a new database "
            "(createdb), or drop this one and create it again"
        )


def _numbers(connection: Connection, table: Table) -> Numbers:
    return {row[0]: row[1] for row in connection.execute(queries.numbers(table))}


def _highest(source: Connection, table: Table) -> int:
    """The highest number that a row has, or has ever had where none may come twice."""
    assert table.autoincrement_column is not None
    found = [source.scalar(queries.highest(table, table.autoincrement_column))]
    if table.dialect_kwargs.get("sqlite_autoincrement"):
        found.append(source.scalar(queries.highest_ever(table)))
    return max(number or 0 for number in found)


def _look_over(target: str) -> list[Finding]:
    database = Database(given=target, patience=COPY_PATIENCE_SECONDS)
    try:
        return invariants.at_rest(database)
    except SQLAlchemyError as error:
        # All of it is there; whether it agrees is what is not known.
        found = f"The rows could not be compared with each other ({type(error).__name__})"
        return [Finding("not_compared", found, "Once workers run there: taskctl verify", [])]
    finally:
        database.close()
