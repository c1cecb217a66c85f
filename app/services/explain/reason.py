"""What a reason is: a stable code, a sentence, what it is about, and the cure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.models import Task

TASKS = "/api/v1/tasks"
# Of the message of an error; the whole is in the task.
MAX_MESSAGE = 500


class Code(StrEnum):
    """What keeps a task from running. A code never changes its meaning."""

    FINISHED = "finished"
    CANCEL_REQUESTED = "cancel_requested"
    WORKER_SILENT = "worker_silent"
    RUNNING = "running"
    EXPIRED = "expired"
    WAITS_FOR_TASKS = "waits_for_tasks"
    WAITS_FOR_RETRY = "waits_for_retry"
    SCHEDULED = "scheduled"
    QUEUE_PAUSED = "queue_paused"
    LIMIT_REACHED = "limit_reached"
    BROKER_UNREACHABLE = "broker_unreachable"
    QUEUE_NOT_SERVED = "queue_not_served"
    FUNCTION_UNKNOWN = "function_unknown"
    SLOTS_BUSY = "slots_busy"
    TASKS_AHEAD = "tasks_ahead"
    HANDED_OUT = "handed_out"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `data` is what the sentence says, for whoever says it in other words."""

    code: Code
    sentence: str
    cure: str
    data: dict[str, Any] = field(default_factory=dict)


def at(moment: datetime | None) -> str:
    """A time for people."""
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def counted(count: int, what: str) -> str:
    """So many of something, with the plural's ending."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def error_of(task: Task) -> tuple[dict[str, Any], str]:
    """The type and the message of a task's error, as data and as the end of a sentence."""
    error = task.error or {}
    kind, message = error.get("type"), str(error.get("message") or "")[:MAX_MESSAGE]
    said = f": {kind}: {message}" if error else ""
    return {"error_type": kind, "error_message": message or None}, said
