"""A PgBouncer of the tests' own, in transaction mode, before the tests' PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg

from tests.support.postgres import NOBODY, Postgres
from tests.support.processes import Process, free_port, wait_until
from tests.support.rings import not_run

# Few, and given out in turn: what one client has left on a connection soon meets another.
SERVER_CONNECTIONS = 4


def pgbouncer_binary() -> str:
    """The program. Skips the test when there is none."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    return found or not_run("everything behind a pooler", "apt-get install -y pgbouncer")


class Pooler:
    """A pooler that knows no prepared statements and takes no startup parameters but the usual ones."""

    def __init__(self, server: Postgres) -> None:
        self._binary = pgbouncer_binary()
        self._server = server
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="tasksystem-pooler-"))
        # It refuses to run as root.
        self._user = NOBODY if os.geteuid() == 0 else None
        self._process: Process | None = None
        self._write_settings()

    def _write_settings(self) -> None:
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={self._server.port} user=postgres\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\nmax_client_conn = 500\n"
            f"default_pool_size = {SERVER_CONNECTIONS}\nserver_round_robin = 1\n"
            "max_prepared_statements = 0\n"
        )
        if self._user is not None:
            self.folder.chmod(0o755)

    def start(self) -> Pooler:
        """Start on the same port as before; returns when it answers."""
        self._process = Process(
            [self._binary, str(self.folder / "pgbouncer.ini")],
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)},
            output=self.folder / "pooler.log",
            cwd=self.folder,
            user=self._user,
        )
        wait_until(self.answers, timeout=10, what=f"a pooler answers; see {self.folder}")
        return self

    def answers(self) -> bool:
        """Whether it hands a statement on."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2, prepare_threshold=None):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, sig: int = signal.SIGKILL) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self._process.alive:
            self._process.stop(sig, timeout=10)
        self._process = None

    def remove(self) -> None:
        """End it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """A database of the server, through the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
