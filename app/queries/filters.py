"""Which tasks somebody asks for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.lifecycle import TaskStatus
from app.models import Task


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks. Whatever is None or empty does not restrict; `owner` None sees everybody's."""

    owner: uuid.UUID | None = None
    status: tuple[TaskStatus, ...] = ()
    task_type: str | None = None
    celery_task_name: str | None = None
    queue: str | None = None
    priority: int | None = None
    tag: str | None = None
    owner_ref: str | None = None
    parent_id: uuid.UUID | None = None
    q: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def without(self, *names: str) -> TaskFilter:
        """The same, not restricted by these."""
        unrestricted: dict[str, Any] = {name: () if name == "status" else None for name in names}
        return replace(self, **unrestricted)

    def fits(self, task: Task) -> bool:
        """The same conditions on a row that has been read. Without `q` and the times."""
        return (
            (self.owner is None or task.user_id == self.owner)
            and (not self.status or task.status in self.status)
            and (self.task_type is None or task.task_type == self.task_type)
            and (self.celery_task_name is None or task.celery_task_name == self.celery_task_name)
            and (self.queue is None or task.queue == self.queue)
            and (self.priority is None or task.priority == self.priority)
            and (self.tag is None or self.tag in task.tags)
            and (self.owner_ref is None or task.owner_ref == self.owner_ref)
            and (self.parent_id is None or task.parent_id == self.parent_id)
        )
