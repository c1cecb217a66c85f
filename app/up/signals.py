"""Ctrl-C, SIGTERM and a closed terminal: a request to stop, read at every wait."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Self

# One request may arrive twice: a service manager signals make and the supervisor alike, and
# make passes its own on. Only a later signal means "now".
_ECHO_SECONDS = 1.0


class Stopping(Exception):
    """A stop was asked for while something was being waited for."""


class Stop:
    """Counts the requests to stop."""

    def __init__(self) -> None:
        self.asked = False
        self.at_once = False
        self._first = 0.0

    @classmethod
    def install(cls) -> Self:
        """The handler of this process for SIGINT, SIGTERM and SIGHUP."""
        stop = cls()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop._receive)
        # Under nohup a closed terminal is to be ignored.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, stop._receive)
        return stop

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._first = True, now
        elif now - self._first > _ECHO_SECONDS:
            self.at_once = True

    def check(self) -> None:
        """Raise `Stopping` if a stop was asked for."""
        if self.asked:
            raise Stopping

    def sleep(self, seconds: float = 0.1) -> None:
        """Wait a moment; raises `Stopping` before and after."""
        self.check()
        time.sleep(seconds)
        self.check()
