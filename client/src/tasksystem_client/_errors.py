"""What the client raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasksystem_client._models import Task


class TaskSystemError(Exception):
    """Any error of this package."""


class ApiError(TaskSystemError):
    """The API refused a request. `code` is stable; the text is for people.

    `errors` has an entry `{loc, msg, type}` for each field that is wrong; `request_id` finds the
    request in the server's log.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem: Mapping[str, Any] = problem
        self.code: str = str(problem.get("code") or "")
        self.detail: str = str(problem.get("detail") or problem.get("title") or "")
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors") or ()
        self.request_id: str | None = problem.get("request_id")
        super().__init__("; ".join([self.detail or f"The API answered {status}", *self._places()]))

    def _places(self) -> Sequence[str]:
        return [
            f"{'.'.join(str(part) for part in each.get('loc', ()))}: {each.get('msg')}"
            for each in self.errors
        ]


class Invalid(ApiError):
    """400, 413, 422: the request is wrong, and would be as wrong again."""


class Unauthorized(ApiError):
    """401: the token is not accepted, or no longer."""


class Forbidden(ApiError):
    """403: the token may not do this."""


class NotFound(ApiError):
    """404: it does not exist, or belongs to somebody else."""


class Conflict(ApiError):
    """409, 412: not in the state that it is in."""


class Unavailable(TaskSystemError):
    """The API does not answer, or says 503, and went on so while the request was repeated."""


class TaskFailed(TaskSystemError):
    """The task of which the result was asked for has failed or was revoked: see `task`."""

    def __init__(self, task: Task) -> None:
        self.task = task
        why = f"{task.error.type}: {task.error.message}" if task.error else task.reason
        super().__init__(f"task {task.id} ({task.name}) {task.status}: {why or 'no reason given'}")


class WaitTimeout(TaskSystemError):
    """It has not finished within the time; it goes on all the same."""


def refusal(status: int, problem: Mapping[str, Any]) -> ApiError:
    """The error of an answer that is no success."""
    kinds = {
        400: Invalid,
        401: Unauthorized,
        403: Forbidden,
        404: NotFound,
        409: Conflict,
        412: Conflict,
        413: Invalid,
        422: Invalid,
    }
    return kinds.get(status, ApiError)(status, problem)
