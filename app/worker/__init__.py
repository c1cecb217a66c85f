"""For the author of a task: functions for tasks that are not bound to `self`.

All of them speak of the attempt that runs the calling code, and are harmless without one.
"""

from app.worker.helpers import (
    attempt,
    checkpoint,
    checkpoint_state,
    is_cancelled,
    log,
    parents,
    raise_if_cancelled,
    spawn,
    spawn_many,
    task_id,
    update_progress,
)
from app.worker.signals import RetryLater, TaskCancelled

__all__ = [
    "RetryLater",
    "TaskCancelled",
    "attempt",
    "checkpoint",
    "checkpoint_state",
    "is_cancelled",
    "log",
    "parents",
    "raise_if_cancelled",
    "spawn",
    "spawn_many",
    "task_id",
    "update_progress",
]
