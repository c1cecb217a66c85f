"""One place for a Celery main process in a worker: kept filled, and given to a better one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from app.core.logging import get_logger

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 15.0
HEALTHY_SECONDS = 30.0
# Pauses between two replacements of a process that hears nothing: the next one may be no better.
FIRST_REPLACE_PAUSE_SECONDS = 60.0
LAST_REPLACE_PAUSE_SECONDS = 960.0
# Replaced processes of a place that may still be finishing what they run.
MAX_RETIRING = 2

Process = subprocess.Popen[bytes]


class Place:
    """The process that works here, and those that it has replaced until they have ended.

    `name_of` gives the node name of the first, second, ... that works here; `start` starts one
    under a name.
    """

    def __init__(self, name_of: Callable[[int], str], start: Callable[[str], Process]) -> None:
        self._name_of = name_of
        self._start = start
        self._take = 1
        self._process: Process | None = None
        self._retiring: list[Process] = []
        self._started_at = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._restart_at = 0.0
        self._replace_at = 0.0
        self._replace_pause = FIRST_REPLACE_PAUSE_SECONDS

    @property
    def name(self) -> str:
        """The node name: the same after a crash, a new one for what takes another's place."""
        return self._name_of(self._take)

    @property
    def retiring(self) -> list[Process]:
        """Replaced processes that still run."""
        self._retiring = [each for each in self._retiring if each.poll() is None]
        return self._retiring

    def keep(self) -> None:
        """Start a process where there is none, after a pause if the last one ended early."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._restart_at:
                self._process = self._start(self.name)
                self._started_at = now
        elif (code := self._process.poll()) is not None:
            self._process = None
            self._restart_at = now + self._pause_after(now - self._started_at)
            log.warning("worker_ended", worker=self.name, code=code, cure="starting it again")

    def _pause_after(self, lived: float) -> float:
        if lived >= HEALTHY_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
            return 0.0
        self._pause = min(self._pause * 2, LAST_PAUSE_SECONDS)
        return self._pause / 2

    def replace(self) -> None:
        """Have another one started; this one takes nothing more and ends when its attempts have."""
        now = time.monotonic()
        if self._process is None or now < self._replace_at or len(self.retiring) >= MAX_RETIRING:
            return
        if now - self._replace_at > LAST_REPLACE_PAUSE_SECONDS:
            self._replace_pause = FIRST_REPLACE_PAUSE_SECONDS
        self._replace_at = now + self._replace_pause
        self._replace_pause = min(self._replace_pause * 2, LAST_REPLACE_PAUSE_SECONDS)
        log.warning("worker_replaced", worker=self.name, pid=self._process.pid)
        self._process.terminate()
        self._retiring.append(self._process)
        self._process = None
        self._take += 1
        self._restart_at = now

    def end(self) -> list[Process]:
        """Ask for the end, for good. Returns everything started here that may still run."""
        if self._process is None:
            return self.retiring
        # Only this one: those that were replaced have been asked, and asked twice they hurry.
        self._process.terminate()
        return [*self.retiring, self._process]
