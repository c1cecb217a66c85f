"""Which attempt the calling code belongs to, for code below the worker that must know.

A contextvar covers the task's own thread and the event loops it starts; the map by task id
covers threads that the task starts itself, which begin with an empty context.
"""

from __future__ import annotations

import threading
import uuid
from contextvars import ContextVar
from typing import Any, Protocol


class Attempt(Protocol):
    """What services and logs need of the attempt that runs them. `app.worker.claim` implements it."""

    task_id: uuid.UUID
    celery_id: uuid.UUID
    attempt: int
    # How its sensitive arguments may be written in a text.
    secrets: tuple[str, ...]
    # Where its body runs.
    thread_id: int

    def changed(self) -> None:
        """Tell whoever watches that the row has changed."""

    def declare(self, status: str, result: Any, error: str | None) -> None:
        """Keep the outcome that the body announced, for when it returns."""


current_attempt: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)
attempts_here: dict[uuid.UUID, Attempt] = {}


def attempt_of(task_id: uuid.UUID) -> Attempt | None:
    """The attempt of `task_id` that runs in this process, if the caller may speak for it."""
    own = current_attempt.get()
    if own is not None:
        return own if own.task_id == task_id else None
    return attempts_here.get(task_id)


def attempt_here() -> Attempt | None:
    """The attempt that the caller is part of, as far as that can be told.

    A thread without a context belongs to the attempt that the main thread runs. Where attempts run in
    threads themselves, it may be the pool's, between two of them.
    """
    own = current_attempt.get()
    if own is not None or not attempts_here:
        return own
    main, mine = threading.main_thread().ident, threading.get_ident()
    if mine == main:
        return None
    alone = next(iter(list(attempts_here.values())), None)
    return alone if alone is not None and alone.thread_id == main else None


def secrets_here() -> tuple[str, ...]:
    """How the sensitive arguments of what runs in this process may be written in a text.

    The longest first, whosever it is: else the rest of one that begins as another would stay.
    """
    found = [text for each in list(attempts_here.values()) for text in each.secrets]
    return tuple(sorted(found, key=len, reverse=True))
