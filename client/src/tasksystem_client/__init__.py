"""A client of the task system, for applications that hand it work.

    from tasksystem_client import TaskClient

    with TaskClient("http://localhost:8000", token="...") as client:
        task = client.submit("shop.export.export_orders", [1, 50])
        for state in client.watch(task.id):
            print(state.progress)
        print(client.result(task.id))

`AsyncTaskClient` has the same methods, awaited. Both raise only errors of this package.
"""

from tasksystem_client._asynchronous import AsyncTaskClient
from tasksystem_client._errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TaskFailed,
    TaskSystemError,
    Unauthorized,
    Unavailable,
    WaitTimeout,
)
from tasksystem_client._models import (
    BulkOperation,
    BulkPreview,
    Firing,
    Priority,
    Schedule,
    Task,
    TaskError,
    TaskStatus,
)
from tasksystem_client._requests import new_task
from tasksystem_client._synchronous import TaskClient

__all__ = [
    "ApiError",
    "AsyncTaskClient",
    "BulkOperation",
    "BulkPreview",
    "Conflict",
    "Firing",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Priority",
    "Schedule",
    "Task",
    "TaskClient",
    "TaskError",
    "TaskFailed",
    "TaskStatus",
    "TaskSystemError",
    "Unauthorized",
    "Unavailable",
    "WaitTimeout",
    "new_task",
]
__version__ = "1.1.0"
