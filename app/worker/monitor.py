"""Events for Flower about rows that Celery itself cannot speak of, while somebody listens.

The main process learns that a monitor asks for events and sets a byte that its pool processes
share; they look at it and, as long as nobody asks, do nothing.
"""

from __future__ import annotations

import mmap
import os
import time
import traceback
from functools import cache
from typing import Any
from uuid import UUID

from celery.exceptions import Ignore, Retry

from app.core.logging import get_logger
from app.hints import HintRow
from app.packing import shown as shown_arguments

log = get_logger(__name__)

MAX_BUFFERED = 24
# A monitor shall see a slow row start, not only end.
FLUSH_SECONDS = 0.1

# Shared with the pool processes, which are forked after this module was imported.
_asked = mmap.mmap(-1, 1)


def set_asked(value: bool) -> None:
    """Whether a monitor asks for events. Called in the worker's main process."""
    _asked[0] = 1 if value else 0


def is_asked() -> bool:
    """Whether a monitor asks for events."""
    return _asked[0] == 1


class Monitor:
    """Sends events of this pool process. A broker that is away costs events, never a task."""

    def __init__(self, app: Any) -> None:
        self.pid = os.getpid()
        self._app = app
        self._dispatcher: Any = None
        self._started = 0.0
        self._flushed_at = 0.0

    @staticmethod
    def of(app: Any) -> Monitor:
        """The monitor of this process."""
        return _of(app, os.getpid())

    def started(self, celery_id: UUID, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Report that a row of a slice runs, with its arguments, secrets masked."""
        self._started = time.monotonic()
        if not is_asked():
            return
        uuid = str(celery_id)
        shown, named = shown_arguments(name, args, kwargs)
        self._send("task-received", uuid=uuid, name=name, root_id=uuid, args=shown, kwargs=named)
        self._send("task-started", uuid=uuid)

    def finished(self, row: HintRow, ran: Any) -> None:
        """Report how a row of a slice ended."""
        if ran.claimed and is_asked():
            self._finished(str(row.celery_id), ran, time.monotonic() - self._started)

    def flush(self) -> None:
        """Send what was gathered. At the end of each message."""
        if self._dispatcher is not None:
            try:
                self._dispatcher.flush()
            except Exception as exc:  # noqa: BLE001 - nothing about monitoring may fail a task
                log.debug("events_not_sent", error=str(exc))
                self._dispatcher = None

    def revoked(self, row: HintRow) -> None:
        """Report a row that ended because it was cancelled."""
        if is_asked():
            self._revoked(str(row.celery_id))
            self.flush()

    def _revoked(self, uuid: str) -> None:
        self._send("task-revoked", uuid=uuid, terminated=True, signum=None, expired=False)

    def _finished(self, uuid: str, ran: Any, runtime: float) -> None:
        error = ran.error
        if error is None:
            self._send("task-succeeded", uuid=uuid, result=repr(ran.value)[:256], runtime=runtime)
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
                # Gathered as Celery's main process does: one message for many events.
                self._dispatcher = self._app.events.Dispatcher(
                    connection, enabled=True, buffer_group={"task"}, buffer_limit=MAX_BUFFERED
                )
            self._dispatcher.send(kind, retry=False, **fields)
            if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
                self._flushed_at = time.monotonic()
                self._dispatcher.flush()
        except Exception as exc:  # noqa: BLE001 - nothing about monitoring may fail a task
            log.debug("event_not_sent", error=str(exc))
            self._dispatcher = None


@cache
def _of(app: Any, pid: int) -> Monitor:
    return Monitor(app)
