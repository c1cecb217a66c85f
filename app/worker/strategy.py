"""How a worker's main process takes a message: as Celery does, but slices without events.

Celery reports a message as one task. For a slice that would be a task nobody submitted, so the
main process stays silent about it and the child reports each row under its own id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default

from app.hints import HEADER


def strategy(task: Any, app: Any, consumer: Any) -> Callable[..., Any]:
    """The handler of one task's messages; named by `TrackedTask.Strategy`."""
    reporting = default(task, app, consumer)
    silent = default(task, app, _WithoutEvents(consumer))

    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> Any:
        rows = (message.headers or {}).get(HEADER)
        handler = silent if rows is not None and len(rows) > 1 else reporting
        return handler(message, body, ack, reject, callbacks)

    return handle


class _WithoutEvents:
    """The consumer as a strategy sees it, without its event dispatcher."""

    event_dispatcher = None

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)
