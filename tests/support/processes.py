"""Processes that tests start, and how each of them surely ends."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
# Every process of the tests carries this variable, so that those left behind can be found even
# when their parents are gone.
MARK = "TASKSYSTEM_TEST_MARK"
_PR_SET_PDEATHSIG = 1
# Below those that any common kernel gives to clients.
PORTS = (12_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now, and that nobody gets by chance.

    The kernel gives the ports of its own range to whoever connects somewhere, so that one of those
    may be taken before a server listens on it. By chance, so that another runner takes others.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        if port not in _given and port_is_free(port):
            _given.add(port)
            return port


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def die_with_parent(sig: int) -> Callable[[], None] | None:
    """For `preexec_fn`: the child gets `sig` when the test process is gone, however it went."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sig))

    return arrange


def wait_until(
    condition: Callable[[], object], *, timeout: float, what: str, every: float = 0.05
) -> None:
    """Poll until `condition()` is true. Raises `AssertionError` naming `what` after `timeout`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(every)


class Process:
    """One command with its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        output: Path,
        cwd: Path = ROOT,
        user: int | None = None,
        parent_death_signal: int = signal.SIGTERM,
    ) -> None:
        self.command = list(command)
        self.output = output
        self._sent: set[int] = set()
        # As root a server may refuse to run, so it gets another user and nobody's groups.
        others: dict[str, object] = {}
        if user is not None:
            others = {"user": user, "group": user, "extra_groups": []}
        with output.open("ab") as file:
            self._popen = subprocess.Popen(  # type: ignore[call-overload]
                self.command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(parent_death_signal),
                **others,
            )

    @property
    def pid(self) -> int:
        return int(self._popen.pid)

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        code = self._popen.poll()
        return None if code is None else int(code)

    def descendants(self) -> list[psutil.Process]:
        """Children, grandchildren and so on, alive now."""
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def send(self, sig: int) -> None:
        """Send a signal if the process still runs."""
        if self.alive:
            self._popen.send_signal(sig)
            self._sent.add(sig)

    def wait(self, timeout: float) -> int:
        """The exit code. Raises `subprocess.TimeoutExpired`."""
        return int(self._popen.wait(timeout))

    def stop(self, sig: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Ask it to end, once; kill it when it does not, which is an `AssertionError`."""
        if sig not in self._sent:  # a second SIGTERM means: do not wait
            self.send(sig)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self.wait(5)
            raise AssertionError(
                f"{' '.join(self.command)} still ran {timeout:g} s after signal {sig}\n"
                + self.tail()
            ) from None

    def text(self) -> str:
        """Everything it has printed."""
        return self.output.read_text(errors="replace")

    def tail(self, lines: int = 40) -> str:
        """The last lines it has printed."""
        return "\n".join(self.text().splitlines()[-lines:])


def marked(mark: str) -> list[psutil.Process]:
    """Living processes that carry `MARK=mark` in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK) == mark and process.pid != os.getpid()
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def end_marked(mark: str, patience: float = 3.0) -> list[str]:
    """Processes that outlived their stack, after `patience` seconds; they are killed."""
    deadline = time.monotonic() + patience
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    described = []
    for process in left:
        try:
            described.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return described
