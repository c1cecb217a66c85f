"""What the outside may ask of a task. Every verb owns its transaction.

Called by the API and by any code of yours that has a session. `owner` restricts a verb to that
user's tasks, others being as if absent; None restricts nothing.
"""

from __future__ import annotations

from app.services.bulk import accept_many, create_many
from app.services.editing import edit
from app.services.ending import (
    CancelOutcome,
    DeleteOutcome,
    cancel,
    cancel_task,
    delete,
    delete_task,
)
from app.services.finding import get_attempts, get_checkpoint, get_logs, get_task, get_tasks
from app.services.reporting import update_task_status
from app.services.retrying import retry_task
from app.services.submission import accept, create_task, submit

__all__ = ["CancelOutcome", "DeleteOutcome", "TaskService", "task_service"]


class TaskService:
    """Verbs on tasks; it has no state, so any number of instances are the same."""

    create_task = staticmethod(create_task)
    create_many = staticmethod(create_many)
    accept = staticmethod(accept)
    accept_many = staticmethod(accept_many)
    submit = staticmethod(submit)
    retry_task = staticmethod(retry_task)

    get_task = staticmethod(get_task)
    get_tasks = staticmethod(get_tasks)
    get_attempts = staticmethod(get_attempts)
    get_checkpoint = staticmethod(get_checkpoint)
    get_logs = staticmethod(get_logs)

    edit = staticmethod(edit)
    update_task_status = staticmethod(update_task_status)

    cancel = staticmethod(cancel)
    cancel_task = staticmethod(cancel_task)
    delete = staticmethod(delete)
    delete_task = staticmethod(delete_task)


task_service = TaskService()
