"""The broker and the database server of a run: their own, on free ports, in temporary folders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.broker import Broker
from tests.support.environment import bare_environment
from tests.support.postgres import Postgres
from tests.support.processes import ROOT


@dataclass(frozen=True, slots=True)
class Servers:
    """A Valkey and a PostgreSQL that run."""

    folder: Path
    broker: Broker
    postgres: Postgres

    @property
    def postgres_pid(self) -> int:
        """The server's first process, the parent of all its backends."""
        pid_file = self.postgres.folder / "data" / "postmaster.pid"
        return int(pid_file.read_text().splitlines()[0])

    def new_database(self, kind: str) -> str:
        """An empty, migrated database of that kind; returns its URL."""
        if kind == "sqlite":
            url = f"sqlite:///{self.folder / 'tasks.db'}"
        else:
            url = self.postgres.url(self.postgres.create())
        _migrate(url, self.folder)
        return url


def own_environment(folder: Path, **settings: str) -> dict[str, str]:
    """The surroundings of a process of ours: every setting at its default but the places."""
    places = {
        "ENV_FILE": str(folder / "no.env"),
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        "TASK_MODULES": "bench.tasks",
    }
    return {**bare_environment(), **places, **settings}


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start both; end them and remove their files afterwards."""
    broker = Broker(folder / "broker")
    postgres = Postgres()
    try:
        broker.start()
        postgres.initialise()
        postgres.start()
        yield Servers(folder, broker, postgres)
    finally:
        broker.stop()
        postgres.remove()


def _migrate(url: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "from app.db.migrate import upgrade; upgrade()"],
        env=own_environment(folder, DATABASE_URL=url),
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
