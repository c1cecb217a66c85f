"""Fresh databases: copies of one that the migrations made."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.support.commands import create_token
from tests.support.environment import child_environment
from tests.support.postgres import Postgres
from tests.support.processes import ROOT
from tests.support.reuse import Fresh

DATABASES = ("sqlite", "postgresql")

# For a test that is about one of them. Unlike one that skips itself on the other, it is run there
# whichever of the two the part of the suite that is run has chosen for its file.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

# Making the token is an action like any other; a test starts with an empty audit log.
_FORGET_MAKING = "DELETE FROM audit_entries"


# Tokens of the administrator that a copy has from its template, by the copy's URL: making one
# takes a process that imports the application, which is most of what a short test costs.
_TOKENS: dict[str, str] = {}


def token_in(url: str) -> str | None:
    """The administrator's token in a copy of a template; None for any other database."""
    return _TOKENS.get(url)


def migrate(url: str, folder: Path) -> str:
    """Bring the database at `url` to the newest schema, in a process of its own.

    Returns a token of the administrator, whom it makes.
    """
    env = child_environment(folder, DATABASE_URL=url)
    done = subprocess.run(
        [sys.executable, "-c", "from app.db.migrate import upgrade; upgrade()"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"the migration of {url} failed:\n{done.stdout}{done.stderr}"
    return create_token(env, "admin@localhost")


class Templates:
    """One migrated database of each kind, made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sqlite: tuple[Path, str] | None = None
        self._postgres: tuple[str, str] | None = None
        self._fresh: Fresh | None = None
        # Databases on PostgreSQL that no test holds, as good as new.
        self._free: list[str] = []

    def sqlite(self, target: Path) -> str:
        """A fresh SQLite file at `target`; returns its URL."""
        if self._sqlite is None:
            template = self._folder / "template.db"
            self._sqlite = template, migrate(f"sqlite:///{template}", self._folder)
            with closing(sqlite3.connect(template)) as database, database:
                database.execute(_FORGET_MAKING)
        template, token = self._sqlite
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, target)
        url = f"sqlite:///{target}"
        _TOKENS[url] = token
        return url

    @contextmanager
    def postgres(self, server: Postgres) -> Iterator[str]:
        """The URL of a fresh database, which is the test's own until the end."""
        if self._postgres is None:
            name = server.create()
            self._postgres = name, migrate(server.url(name), self._folder)
            with server.connect(name) as connection:
                connection.execute(_FORGET_MAKING)
                self._fresh = Fresh.of(connection)
        template, token = self._postgres
        name = self._free.pop() if self._free else server.create(template)
        url = server.url(name)
        _TOKENS[url] = token
        try:
            yield url
        finally:
            if self._is_fresh_again(server, name):
                self._free.append(name)
            else:
                server.drop(name)

    def _is_fresh_again(self, server: Postgres, name: str) -> bool:
        assert self._fresh
        with suppress(psycopg.Error), server.connect(name) as connection:
            return self._fresh.restore(connection)
        return False
