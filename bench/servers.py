"""The broker and the database server of a run: their own, on free ports, in temporary folders."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.template import Tokens
from tests.support.broker import Broker
from tests.support.environment import bare_environment
from tests.support.postgres import Postgres
from tests.support.processes import MARK, ROOT, end_marked

KINDS = ("sqlite", "postgresql")
# Every process of a run carries it, so that those left behind are found at its end.
MARKED = {MARK: uuid.uuid4().hex}


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of its own. `prefix` is that of its keys in the broker."""

    kind: str
    url: str
    name: str
    tokens: Tokens

    @property
    def prefix(self) -> str:
        return f"bench-{self.name}:"


@dataclass(slots=True)
class Servers:
    """A Valkey and a PostgreSQL that run."""

    folder: Path
    broker: Broker
    postgres: Postgres
    _templates: dict[str, tuple[str, Tokens]] = field(default_factory=dict)

    @property
    def postgres_pid(self) -> int:
        """The server's first process, the parent of all its backends."""
        return self.postgres.pid

    def pids(self, kind: str) -> list[int]:
        """The servers that a system on that kind of database uses."""
        return [self.broker.pid, *([self.postgres_pid] if kind == "postgresql" else [])]

    def backends(self, database: Database) -> list[int]:
        """PostgreSQL's processes that serve connections to a database; none on SQLite."""
        if database.kind != "postgresql":
            return []
        name = database.url.rpartition("/")[2].partition("?")[0]
        found = []
        for each in psutil.Process(self.postgres_pid).children():
            # Autovacuum's come and go, also while this looks.
            with contextlib.suppress(psutil.Error):
                if f" {name} " in " ".join(each.cmdline()):
                    found.append(each.pid)
        return found

    def new_database(self, kind: str, name: str) -> Database:
        """A copy of a migrated database; `name` is unique in a run."""
        if kind not in self._templates:
            self._templates[kind] = self._make_template(kind)
        template, tokens = self._templates[kind]
        if kind == "sqlite":
            file = self.folder / f"{name}.db"
            shutil.copyfile(template, file)
            url = f"sqlite:///{file}"
        else:
            url = self.postgres.url(self.postgres.create(template))
        return Database(kind, url, name, tokens)

    def empty_postgres(self) -> str:
        """The URL of a database without any table, for a peer."""
        return self.postgres.url(self.postgres.create())

    def peer_broker(self, number: int) -> str:
        """A logical database of the broker, emptied by whoever uses it."""
        return self.broker.url.removesuffix("/0") + f"/{number}"

    def _make_template(self, kind: str) -> tuple[str, Tokens]:
        if kind == "sqlite":
            template = str(self.folder / "template.db")
            url = f"sqlite:///{template}"
        else:
            template = self.postgres.create()
            url = self.postgres.url(template)
        return template, _make_accounts(url, self.folder)


def own_environment(folder: Path, **settings: str) -> dict[str, str]:
    """The surroundings of a process of ours: every setting at its default but the places."""
    places = {
        "ENV_FILE": str(folder / "no.env"),
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        "TASK_MODULES": "bench.tasks",
    }
    return {**bare_environment(), **MARKED, **places, **settings}


def environment_on(servers: Servers, database: Database, **settings: str) -> dict[str, str]:
    """The surroundings of a process of ours that uses that database and the broker."""
    return own_environment(
        servers.folder,
        DATABASE_URL=database.url,
        CELERY_BROKER_URL=servers.broker.url,
        CELERY_RESULT_BACKEND=servers.broker.url,
        BROKER_KEY_PREFIX=database.prefix,
        **settings,
    )


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start both; end them and remove their files afterwards."""
    broker = Broker(folder / "broker")
    postgres = Postgres(on_disk=True)
    try:
        broker.start()
        postgres.initialise()
        postgres.start()
        yield Servers(folder, broker, postgres)
    finally:
        for left in end_marked(MARKED[MARK], patience=2):
            print(f"had to be killed: {left}")
        broker.stop()
        postgres.remove()


def _make_accounts(url: str, folder: Path) -> Tokens:
    done = subprocess.run(
        [sys.executable, "-m", "bench.template"],
        env=own_environment(folder, DATABASE_URL=url),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Tokens(**json.loads(done.stdout.splitlines()[-1]))
