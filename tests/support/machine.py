"""The processes of one worker of a stack, by what they are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

import psutil

from tests.support.processes import Process
from tests.support.stack import Stack


class Machine:
    """Supervisor, agent, Celery's main process and its children, found anew at each look."""

    def __init__(self, stack: Stack, part: str = "worker") -> None:
        self.process: Process = stack.processes[part]

    @property
    def supervisor(self) -> int:
        return self.process.pid

    @property
    def agent(self) -> int:
        """The agent's process id."""
        found: int
        (found,) = [p.pid for p in self._direct() if "app.worker.agent" in _words(p)]
        return found

    @property
    def parents(self) -> list[int]:
        """Celery's main processes, the oldest first."""
        found = [p for p in self._direct() if "app.celery_app.celery_app" in _words(p)]
        return [p.pid for p in sorted(found, key=lambda p: p.create_time())]

    @property
    def everything(self) -> list[int]:
        """All of it, the supervisor first."""
        return [self.supervisor, *(p.pid for p in self.process.descendants())]

    def _direct(self) -> list[psutil.Process]:
        return [p for p in psutil.Process(self.supervisor).children() if p.is_running()]


def freeze(pids: Iterable[int]) -> None:
    """Stop processes as they are."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(pids: Iterable[int]) -> None:
    """Let them go on; those that have ended meanwhile are left out."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
