"""The thread that feeds for a process: which queue next, when, and again after what went wrong.

One feed is in flight per process, and what comes meanwhile is gathered.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import first_line
from app.domain import window as windows

log = get_logger(__name__)

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What one feed did: rows and messages put out, and whether the broker took them."""

    rows: int = 0
    messages: int = 0
    published: bool = True
    window: int = windows.MIN_WINDOW
    # Rows wait and none could go out: the window is full, or the queue is paused.
    full: bool = False
    # Until something that is kept back by a rate may go out; 0: it has not seen everything yet.
    again_seconds: float | None = None
    # Before that, as long as it took is left to others: it has found nothing, and locks what they need.
    patient: bool = False


Feed = Callable[[str, bool], FeedReport]


class Feeder:
    """The thread that feeds for this process; `feed` does it once, and `close` is called at the end."""

    def __init__(self, feed: Feed, close: Callable[[], None]) -> None:
        self.pid = os.getpid()
        # Queues to feed, and whether rows were added to them.
        self._dirty: dict[str, bool] = {}
        # When a queue may be fed again, and when one has to be, by the monotonic clock.
        self._rested: dict[str, float] = {}
        self._later: dict[str, float] = {}
        self._condition = threading.Condition()
        self._busy = False
        self._ended = False
        self._feed_once = feed
        self._close = close
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    def wake(self, queue: str, added: bool) -> None:
        """Feed the queue soon; `added`: rows were added to it."""
        with self._condition:
            known = queue in self._dirty
            self._dirty[queue] = added or self._dirty.get(queue, False)
            if not known:  # else the thread knows when the queue's turn is
                self._condition.notify_all()

    def flush(self, timeout: float) -> None:
        """Wait until nothing is left to do now, at most `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: not self._dirty and not self._busy, timeout)

    def end(self) -> None:
        """End the thread."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        self._thread.join(LAST_RETRY_SECONDS)
        self._close()

    def _run(self) -> None:
        pause = FIRST_RETRY_SECONDS
        while (following := self._next()) is not None:
            queue, added = following
            try:
                done = self._feed(queue, added)
            except SQLAlchemyError as exc:
                log.warning("feed_failed", queue=queue, error=first_line(exc))
                done = False
            except Exception:
                # Whatever it was: this thread is the only one that feeds for this process.
                log.exception("feed_failed", queue=queue)
                done = False
            with self._condition:
                self._busy = False
                self._condition.notify_all()
                if done:
                    pause = FIRST_RETRY_SECONDS
                    continue
                self._condition.wait_for(lambda: self._ended, pause)
            pause = min(pause * 2, LAST_RETRY_SECONDS)
            self.wake(queue, added)

    def _feed(self, queue: str, added: bool) -> bool:
        began = time.monotonic()
        report = self._feed_once(queue, added)
        now = time.monotonic()
        rest = windows.rest(now - began, report.rows, report.window, full=report.full)
        self._rested[queue] = now + rest
        with self._condition:
            self._later.pop(queue, None)
            if report.again_seconds is not None:
                pause = now - began if report.patient else 0.0
                self._later[queue] = now + max(report.again_seconds, pause)
        return report.published

    def _next(self) -> tuple[str, bool] | None:
        """The queue to feed now, waited for, and whether rows were added; None at the end."""
        with self._condition:
            while not self._ended:
                now = time.monotonic()
                due = self._later | {queue: self._rested.get(queue, now) for queue in self._dirty}
                queue = min(due, key=due.__getitem__, default=None)
                if queue is not None and due[queue] <= now:
                    self._busy = True
                    self._later.pop(queue, None)
                    return queue, self._dirty.pop(queue, False)
                self._condition.wait(None if queue is None else due[queue] - now)
        return None
