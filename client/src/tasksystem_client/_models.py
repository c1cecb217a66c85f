"""What the API answers, as values. Fields that a newer server adds are in `data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any


class TaskStatus(str, Enum):
    """Where a task is in its life; equal to its text."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVOKED = "revoked"

    def __str__(self) -> str:
        return self.value


FINISHED = frozenset({TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.REVOKED})


class Priority(IntEnum):
    """Who goes first within a queue."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True)
class TaskError:
    """Why an attempt failed."""

    type: str
    message: str
    traceback: str | None
    attempt: int | None


@dataclass(frozen=True)
class Task:
    """A task as it was when the API answered. `data` is the whole answer."""

    id: str
    name: str
    task_type: str
    celery_task_name: str
    status: TaskStatus
    reason: str | None
    progress: float
    progress_message: str | None
    result: Any
    error: TaskError | None
    attempt: int
    queue: str
    priority: int
    tags: Sequence[str]
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    version: int
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINISHED

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Task:
        """From the API's JSON."""
        error = data["error"]
        return cls(
            id=data["id"],
            name=data["name"],
            task_type=data["task_type"],
            celery_task_name=data["celery_task_name"],
            status=TaskStatus(data["status"]),
            reason=data["reason"],
            progress=data["progress"],
            progress_message=data["progress_message"],
            result=data["result"],
            error=None if error is None else _error(error),
            attempt=data["attempt"],
            queue=data["queue"],
            priority=data["priority"],
            tags=tuple(data["tags"]),
            created_at=moment(data["created_at"]),
            started_at=maybe_moment(data["started_at"]),
            completed_at=maybe_moment(data["completed_at"]),
            version=data["version"],
            data=data,
        )


def _error(data: Mapping[str, Any]) -> TaskError:
    return TaskError(
        type=data.get("type", ""),
        message=data.get("message", ""),
        traceback=data.get("traceback"),
        attempt=data.get("attempt"),
    )


@dataclass(frozen=True)
class BulkOperation:
    """An order about many tasks, and how far it has come. `data` is the whole answer."""

    id: str
    action: str
    status: str
    total: int
    done: int
    outcomes: Mapping[str, int]
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_finished(self) -> bool:
        """Whether every task has had its turn, or it was aborted."""
        return self.status != "running"

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> BulkOperation:
        """From the API's JSON."""
        names = ("id", "action", "status", "total", "done", "outcomes")
        return cls(**{name: data[name] for name in names}, data=data)


@dataclass(frozen=True)
class BulkPreview:
    """What a bulk operation would be about: how many tasks, and some of them."""

    total: int
    sample: Sequence[Task]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> BulkPreview:
        """From the API's JSON."""
        return cls(data["total"], tuple(Task.read(each) for each in data["sample"]))


@dataclass(frozen=True)
class Schedule:
    """A schedule. `next_fires` are the slots to come, as far as the answer had them.

    `description` says in English when it fires; `data` is the whole answer, with more languages.
    """

    id: str
    name: str
    kind: str
    celery_task_name: str
    description: str
    paused: bool
    next_fire_at: datetime | None
    next_fires: Sequence[datetime]
    last_fire_at: datetime | None
    last_task_id: str | None
    version: int
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Schedule:
        """From the API's JSON."""
        return cls(
            id=data["id"],
            name=data["name"],
            kind=data["kind"],
            celery_task_name=data["celery_task_name"],
            description=data["description"]["en"],
            paused=data["paused"],
            next_fire_at=maybe_moment(data["next_fire_at"]),
            next_fires=tuple(moment(each) for each in data.get("next_fires", ())),
            last_fire_at=maybe_moment(data["last_fire_at"]),
            last_task_id=data["last_task_id"],
            version=data["version"],
            data=data,
        )


@dataclass(frozen=True)
class Firing:
    """What became of a slot: `fired`, with a task, or `skipped`, with a reason."""

    fire_at: datetime
    outcome: str
    reason: str | None
    task_id: str | None
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Firing:
        """From the API's JSON."""
        return cls(
            fire_at=moment(data["fire_at"]),
            outcome=data["outcome"],
            reason=data["reason"],
            task_id=data["task_id"],
            data=data,
        )


def moment(text: str) -> datetime:
    """A time of the API, in UTC."""
    # Older Pythons do not read the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def maybe_moment(text: str | None) -> datetime | None:
    """The same, or None."""
    return None if text is None else moment(text)
