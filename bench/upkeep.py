"""Upkeep that an agent does in time, done at once.

Counts that are kept up to date are written down later than the changes they count. That is work of
ours which a round has to pay for, and which filling a table must not leave to the first round.

`python -m bench.upkeep uncounted|recount|prune|prune-late`, in a process whose settings name the database:
`uncounted` has changes no longer noted, for filling a large table, `recount` has them noted again,
counts the rows and lists them. Where a version keeps no such counts these two do nothing. `prune` removes
what is past retention the way an agent does, at its usual pace, `prune-late` at that of one that is late;
it says so when it begins, and is ended when it has been watched for long enough.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Executable

from app.db.exchanges import Fetched
from app.db.prepared import Call
from app.db.session import Database
from bench.servers import Database as Place
from bench.servers import Servers, environment_on
from tests.support.processes import ROOT

FOLD_BATCH = 50_000


def command(verb: str) -> list[str]:
    """The command line of a verb."""
    return [sys.executable, "-m", "bench.upkeep", verb]


def do(verb: str, servers: Servers, database: Place) -> None:
    """Run a verb and wait for it."""
    env = environment_on(servers, database)
    subprocess.run(command(verb), env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


class Direct(Database):
    """The application's access to a database, by an engine that somebody else has made."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def execute(self, statement: Executable, parameters: Any = None) -> Fetched:
        with self._engine.begin() as connection:
            result = connection.execute(statement, parameters)
            return Fetched(result.all() if result.returns_rows else ())

    def run(self, *calls: Call) -> list[Fetched]:
        return [self.execute(*call) for call in calls]

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection


def fold(database: Database) -> None:
    """Write down everything that has been noted."""
    if module := _module("app.maintenance.fold"):
        _to_the_end(module, database, FOLD_BATCH)


def name(database: Database) -> None:
    """Mark all names that wait for it: an agent would be at that for a while."""
    if module := _module("app.maintenance.naming"):
        while module.run_once(database, FOLD_BATCH).left:
            pass


def _module(name: str) -> Any:
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _to_the_end(step: Any, database: Database, batch: int) -> int:
    done = 0
    while count := sum(step.run_once(database, batch).counts().values()):
        done += count
    return done


async def _prune(retention: Any) -> None:
    print("begun", flush=True)
    await retention.run_once()
    while not retention.pause():
        await retention.run_once()


def main(verb: str) -> None:
    """Do it."""
    database = Database()
    triggers = _module("app.db.triggers")
    if verb.startswith("prune"):
        from app.maintenance.retention import Retention

        relaxed = Database(durable=False)
        is_late = verb == "prune-late"
        asyncio.run(_prune(Retention(relaxed, lambda: True, is_late=lambda _: is_late)))
    elif triggers is not None:
        with database.transaction() as connection:
            (triggers.remove if verb == "uncounted" else triggers.install)(connection)
        if verb == "recount":
            _module("app.maintenance.fold").recount(database)
            for name in ("app.maintenance.entries", "app.maintenance.naming"):
                if module := _module(name):
                    module.mend(database)


if __name__ == "__main__":
    main(sys.argv[1])
