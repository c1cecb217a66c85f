"""For how long the database has answered this agent without a break."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from app.core.config import get_settings


class Steadiness:
    """Counts from the first answer after every failure, and after every gap between two answers.

    A gap says that the database kept everybody waiting, or that this process itself was frozen:
    then nobody on this machine may have renewed, and leases that are over prove nothing. Both
    clocks are looked at, because this machine's stands still while it sleeps and goes on while
    a process is frozen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None
        self._last: tuple[float, datetime] | None = None

    def answered(self, database_time: datetime) -> None:
        """The database has answered just now; its clock said `database_time`."""
        here = time.monotonic()
        with self._lock:
            if self._since is None or self._gap(here, database_time) > _patience():
                self._since = here
            self._last = (here, database_time)

    def failed(self) -> None:
        """The database did not answer, or not with what it was asked for."""
        with self._lock:
            self._since = None

    def seconds(self) -> float:
        """How long it has lasted; 0 without an answer to count from."""
        with self._lock:
            return 0.0 if self._since is None else time.monotonic() - self._since

    def _gap(self, here: float, database_time: datetime) -> float:
        if self._last is None:
            return 0.0
        there = abs((database_time - self._last[1]).total_seconds())
        return max(here - self._last[0], there)


def _patience() -> float:
    """A worker that was alive all the time has renewed a lease that was kept waiting this long."""
    return get_settings().lease_seconds / 2
