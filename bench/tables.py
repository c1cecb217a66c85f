"""Filled tables: made in processes of their own, so that two databases are filled side by side."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass

from bench import upkeep
from bench.mix import Filled
from bench.rows import Store
from bench.servers import Database, Servers, environment_on
from bench.topic import RoundFailed
from tests.support.processes import ROOT

# Ids that are noted of a table.
SAMPLE = 500
_SIZES_POSTGRESQL = (
    "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND "
    "(relname = 'tasks' OR relname LIKE '%_tasks%' OR relname LIKE '%task_tags%' "
    "OR relname LIKE '%task_entries%' OR relname LIKE '%name_marks%') AND relnamespace = 'public'::regnamespace"
)
_SIZES_SQLITE = (
    "SELECT name, sum(pgsize) FROM dbstat WHERE name = 'tasks' OR name LIKE '%_tasks%' "
    "OR name LIKE '%task_tags%' OR name LIKE '%task_entries%' OR name LIKE '%name_marks%' "
    "GROUP BY name"
)
_copying = threading.Lock()


@dataclass(frozen=True, slots=True)
class FilledDatabase:
    """A database with a mix of tasks; `ids` are some of the user's, from all over the table."""

    database: Database
    filled: Filled
    ids: list[str]

    @property
    def store(self) -> Store:
        return Store(self.database.url)

    def counts(self, *, of_user: bool) -> dict[str, int]:
        """Rows by status, counted one by one."""
        where = f"WHERE user_id = '{_user(self.database)}'" if of_user else ""
        statement = f"SELECT status, count(*) FROM tasks {where} GROUP BY status"
        return dict(self.store.execute(statement))

    def megabytes(self) -> dict[str, float]:
        """Size of the large tables and of each of their indexes."""
        store = self.store
        found = store.execute(_SIZES_SQLITE if store.is_sqlite else _SIZES_POSTGRESQL)
        return {name: int(size) / 1e6 for name, size in found}


def fill(servers: Servers, kind: str, name: str, rows: int) -> FilledDatabase:
    """A new database with that many tasks. Raises `RoundFailed`. Thread-safe."""
    with _copying:
        database = servers.new_database(kind, name)
    upkeep.do("uncounted", servers, database)
    filled = _fill(servers, database, rows)
    upkeep.do("recount", servers, database)
    store = Store(database.url)
    if kind == "postgresql":
        # What autovacuum does by itself within minutes.
        store.execute("VACUUM ANALYZE")
    return FilledDatabase(database, filled, _ids_of_user(store, database))


def _fill(servers: Servers, database: Database, rows: int) -> Filled:
    command = [sys.executable, "-m", "bench.mix"]
    command += [database.url, database.tokens.user_id, str(rows)]
    env = environment_on(servers, database)
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RoundFailed(f"{database.name} was not filled: {done.stderr[-1000:]}")
    return Filled(**json.loads(done.stdout))


def _ids_of_user(store: Store, database: Database) -> list[str]:
    rows = store.execute(f"SELECT id FROM tasks WHERE user_id = '{_user(database)}'")
    chosen = random.Random(1).sample(rows, min(SAMPLE, len(rows)))
    return [str(uuid.UUID(str(each))) for (each,) in chosen]


def _user(database: Database) -> str:
    owner = uuid.UUID(database.tokens.user_id)
    return owner.hex if database.kind == "sqlite" else str(owner)
