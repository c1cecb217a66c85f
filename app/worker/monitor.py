"""Events for Flower about rows that Celery itself cannot speak of, while somebody listens.

The main process learns that a monitor asks for events and sets a byte that its pool processes
share; they look at it and, as long as nobody asks, do nothing.
"""

from __future__ import annotations

import mmap
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from celery.exceptions import Ignore, Retry

from app.core.logging import get_logger
from app.hints import HintRow

log = get_logger(__name__)

# Shared with the pool processes, which are forked after this module was imported.
_asked = mmap.mmap(-1, 1)


def set_asked(value: bool) -> None:
    """Whether a monitor asks for events. Called in the worker's main process."""
    _asked[0] = 1 if value else 0


def is_asked() -> bool:
    """Whether a monitor asks for events."""
    return _asked[0] == 1


@dataclass(slots=True)
class Shown:
    """Filled in by the block under `Monitor.row`."""

    ran: Any = None


class Monitor:
    """Sends events of this pool process. A broker that is away costs events, never a task."""

    def __init__(self, app: Any) -> None:
        self.pid = os.getpid()
        self._app = app
        self._dispatcher: Any = None

    @staticmethod
    def of(app: Any) -> Monitor:
        """The monitor of this process."""
        return _of(app, os.getpid())

    @contextmanager
    def row(self, row: HintRow, name: str) -> Iterator[Shown]:
        """Report one row of a slice as the task it is."""
        shown = Shown()
        if not is_asked():
            yield shown
            return
        uuid = str(row.celery_id)
        self._send("task-received", uuid=uuid, name=name, args="", kwargs="", root_id=uuid)
        self._send("task-started", uuid=uuid)
        started = time.monotonic()
        yield shown
        self._finished(uuid, shown.ran, time.monotonic() - started)

    def revoked(self, row: HintRow) -> None:
        """Report a row that ended because it was cancelled."""
        if is_asked():
            self._revoked(str(row.celery_id))

    def _revoked(self, uuid: str) -> None:
        self._send("task-revoked", uuid=uuid, terminated=True, signum=None, expired=False)

    def _finished(self, uuid: str, ran: Any, runtime: float) -> None:
        error = None if ran is None else ran.error
        if error is None:
            result = repr(None if ran is None else ran.value)[:256]
            self._send("task-succeeded", uuid=uuid, result=result, runtime=runtime)
        elif isinstance(error, Ignore):
            self._revoked(uuid)
        else:
            kind = "task-retried" if isinstance(error, Retry) else "task-failed"
            shown = "".join(traceback.format_exception(error))[-8192:]
            self._send(kind, uuid=uuid, exception=repr(error)[:1024], traceback=shown)

    def _send(self, kind: str, **fields: Any) -> None:
        try:
            if self._dispatcher is None:
                connection = self._app.connection_for_write()
                self._dispatcher = self._app.events.Dispatcher(connection, enabled=True)
            self._dispatcher.send(kind, retry=False, **fields)
        except Exception as exc:  # noqa: BLE001 - nothing about monitoring may fail a task
            log.debug("event_not_sent", error=str(exc))
            self._dispatcher = None


@cache
def _of(app: Any, pid: int) -> Monitor:
    return Monitor(app)
