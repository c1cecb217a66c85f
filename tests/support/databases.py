"""Fresh databases: copies of one that the migrations made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.environment import child_environment
from tests.support.postgres import Postgres
from tests.support.processes import ROOT

DATABASES = ("sqlite", "postgresql")


def migrate(url: str, folder: Path) -> None:
    """Bring the database at `url` to the newest schema, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from app.db.migrate import upgrade; upgrade()"],
        env=child_environment(folder, DATABASE_URL=url),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"the migration of {url} failed:\n{done.stdout}{done.stderr}"


class Templates:
    """One migrated database of each kind, made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sqlite: Path | None = None
        self._postgres: str | None = None

    def sqlite(self, target: Path) -> str:
        """A fresh SQLite file at `target`; returns its URL."""
        if self._sqlite is None:
            template = self._folder / "template.db"
            migrate(f"sqlite:///{template}", self._folder)
            self._sqlite = template
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._sqlite, target)
        return f"sqlite:///{target}"

    @contextmanager
    def postgres(self, server: Postgres) -> Iterator[str]:
        """The URL of a fresh database, dropped at the end."""
        if self._postgres is None:
            name = server.create()
            migrate(server.url(name), self._folder)
            self._postgres = name
        name = server.create(self._postgres)
        try:
            yield server.url(name)
        finally:
            server.drop(name)
