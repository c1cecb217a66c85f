"""Keeps an agent alive: starts it, replaces it when it ends or falls silent.

Its attempts lose nothing by that: leases outlive the change, and the processes that run them
connect to the new agent and say what they have under way.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.core.config import get_settings
from app.core.logging import get_logger

log = get_logger(__name__)

ANSWER_SECONDS = 0.5
# The longest pause between two looks at the agent.
PAUSE_SECONDS = 1.0
# An agent that ends sooner than this after its start is not started again at once.
SHORT_LIFE_SECONDS = 5.0
START_SECONDS = 15.0
STOP_SECONDS = 10.0


def new_socket_path() -> str:
    """A path for the socket of an agent that this process keeps; only this user can reach it."""
    return str(Path(tempfile.mkdtemp(prefix="tasksystem-")) / f"agent-{os.getpid()}")


def keeper_of(path: str) -> int:
    """The process that keeps the agent at this path.

    Whoever asked `os.getppid()` instead, at its own start, would take the init process for its
    keeper if that was killed meanwhile, and live on for ever.
    """
    return int(path.rpartition("-")[2])


class AgentKeeper:
    """One agent and the thread that watches it.

    `on_replace` is told the names of workers that the agent wants replaced, again and again as
    long as it wants it, from the watching thread.
    """

    def __init__(self, path: str, on_replace: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._on_replace = on_replace
        self._workers_end = False
        self._started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        # Set when something is to be done before the pause is over.
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="agent-keeper", daemon=True)

    def use_in_this_process(self) -> None:
        """Let this process and the ones it forks find the agent."""
        os.environ["AGENT_SOCKET"] = self.path
        get_settings.cache_clear()

    def start(self) -> None:
        """Start the agent and watch it."""
        self._spawn()
        self._thread.start()

    def workers_end(self) -> None:
        """Let the agent know that all workers of this machine are to end."""
        self._workers_end = True
        self._hurry.set()

    def stop(self) -> None:
        """End the agent after it has settled for what died, and remove its socket."""
        self._ending = True
        self._hurry.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(Path(self.path).parent, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The agent's process id."""
        return None if self._process is None else self._process.pid

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "app.worker.agent"]
        environment = {**os.environ, "AGENT_SOCKET": self.path}
        # A session of its own: Ctrl-C in a terminal goes to the supervisor, which ends its
        # processes in order.
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)
        self._started_at = time.monotonic()

    def _watch(self) -> None:
        lease = get_settings().lease_seconds
        pause = min(PAUSE_SECONDS, lease / 12)  # several within the third that it may be silent
        looked_at = heard_at = time.monotonic()
        patience = START_SECONDS
        while not self._ends_within(pause):
            if time.monotonic() - looked_at > 4 * (pause + ANSWER_SECONDS):
                heard_at = time.monotonic()  # held up itself, it cannot have heard the agent
            looked_at = time.monotonic()
            if self._process is not None and self._process.poll() is not None:
                log.warning("agent_ended", code=self._process.returncode, cure="starting another")
                if looked_at - self._started_at < SHORT_LIFE_SECONDS:
                    self._ends_within(SHORT_LIFE_SECONDS / 5)
            elif self._answers():
                heard_at = time.monotonic()
                patience = lease / 3
                continue
            elif time.monotonic() - heard_at < patience:
                continue
            else:
                log.warning("agent_silent", seconds=round(patience, 1), cure="replacing it")
                self._kill()
            if self._ending:
                return
            self._spawn()
            heard_at = time.monotonic()
            patience = START_SECONDS

    def _ends_within(self, seconds: float) -> bool:
        """Wait so long, or until there is a hurry; returns whether the agent is to end."""
        self._hurry.wait(seconds)
        self._hurry.clear()
        return self._ending

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        ping = ["ping", "ending"] if self._workers_end else ["ping"]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(min(ANSWER_SECONDS, get_settings().lease_seconds / 6))
                connection.connect(self.path)
                connection.sendall(json.dumps(ping).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    word, to_replace = json.loads(answers.readline())
        except (OSError, ValueError):
            return False
        if self._on_replace is not None:
            for name in to_replace:
                self._on_replace(name)
        return bool(word == "pong")
