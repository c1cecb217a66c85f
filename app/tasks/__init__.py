"""Your tasks. Import each function here to register it."""

from app.tasks.common_tasks import long_running_task

__all__ = ["long_running_task"]
