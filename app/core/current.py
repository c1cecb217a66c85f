"""Which attempt the calling code belongs to, for code below the worker that must know.

A contextvar covers the task's own thread and the event loops it starts; the map by task id
covers threads that the task starts itself, which begin with an empty context.
"""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from typing import Any, Protocol


class Attempt(Protocol):
    """What services need of the attempt that runs them. `app.worker.claim` implements it."""

    task_id: uuid.UUID
    celery_id: uuid.UUID

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
