"""How a worker's main process takes a message: as Celery does, but slices without events, and hints
without a rate.

Celery reports a message as one task. For a slice that would be a task nobody submitted, so the
main process stays silent about it and the child reports each row under its own id. A `rate_limit`
holds for all workers together: a hint that is here has its place under it already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default

from app.hints import HEADER


def strategy(task: Any, app: Any, consumer: Any) -> Callable[..., Any]:
    """The handler of one task's messages; named by `TrackedTask.Strategy`."""
    untracked = default(task, app, consumer)
    one_row = default(task, app, _Consumer(consumer))
    slice_ = default(task, app, _Consumer(consumer, event_dispatcher=None))

    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> Any:
        rows = (message.headers or {}).get(HEADER)
        if rows is None:
            return untracked(message, body, ack, reject, callbacks)
        handler = slice_ if len(rows) > 1 else one_row
        return handler(message, body, ack, reject, callbacks)

    return handle


class _Consumer:
    """The consumer as the strategy for hints sees it: their rate is the feed's affair."""

    disable_rate_limits = True

    def __init__(self, consumer: Any, **instead: Any) -> None:
        self._consumer = consumer
        self.__dict__ |= instead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)
