"""Requests and how their answers are read: what both clients share. Nothing here does I/O."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Generic, TypeVar
from urllib.parse import quote

from tasksystem_client._models import BulkOperation, BulkPreview, Task

PREFIX = "/api/v1"
PAGE = 500
T = TypeVar("T")


@dataclass(frozen=True)
class Request(Generic[T]):
    """One request. `repeatable`: to do it twice does no more than to do it once."""

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    @property
    def content(self) -> bytes | None:
        """The body as JSON. Raises `TypeError` or `ValueError` for what JSON cannot say."""
        return None if self.body is None else json.dumps(self.body, allow_nan=False).encode()


def new_task(
    function: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    task_type: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A task for `submit_many`, as the API takes it.

    `name` and `task_type` are for people; without them it is the last part of the function's name.
    `options` are further fields of the API (`local_id` and `depends_on` make a workflow of several
    tasks); a `datetime` must have a time zone, and None leaves a field out.
    """
    short = function.rsplit(".", 1)[-1]
    return {
        "name": name or short,
        "task_type": task_type or short,
        "celery_task_name": function,
        "args": list(args),
        "kwargs": dict(kwargs or {}),
        **fields(options),
    }


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as JSON has them, without those that are None."""
    return {name: _plain(value) for name, value in given.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(timezone.utc)")
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def submit(task: Mapping[str, Any], key: str | None) -> Request[Task]:
    """With a key of its own a submission that is repeated makes no second task."""
    return Request("POST", f"{PREFIX}/tasks/", Task.read, body=task, headers=_keyed(key))


def submit_many(tasks: Sequence[Mapping[str, Any]], key: str | None) -> Request[list[str]]:
    """All of them or none."""
    return Request(
        "POST",
        f"{PREFIX}/tasks/bulk",
        lambda data: list(data["ids"]),
        body={"tasks": list(tasks)},
        headers=_keyed(key),
    )


def _keyed(key: str | None) -> Mapping[str, str]:
    return {"Idempotency-Key": key or uuid.uuid4().hex}


def get(task_id: str) -> Request[Task]:
    """One task."""
    return Request("GET", _task(task_id), Task.read)


def page(filters: Mapping[str, Any]) -> Request[list[Task]]:
    """The first page of a list."""
    return pages_of(f"{PREFIX}/tasks/", Task.read, filters)


def pages_of(
    path: str, read: Callable[[Mapping[str, Any]], T], filters: Mapping[str, Any]
) -> Request[list[T]]:
    """The first page of any list."""
    params = {"limit": PAGE, **fields(filters)}
    return Request("GET", path, lambda data: [read(each) for each in data], params=params)


def count(filters: Mapping[str, Any]) -> Request[dict[str, int]]:
    """How many there are, by status."""
    return Request("GET", f"{PREFIX}/tasks/count", dict, params=fields(filters))


def cancel(task_id: str) -> Request[Task]:
    """Cancelling twice changes nothing."""
    return Request("POST", f"{_task(task_id)}/cancel", lambda data: Task.read(data["task"]))


def retry(
    task_id: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> Request[Task]:
    """Each makes a new task, so it is not repeated."""
    body = fields({"args": args, "kwargs": kwargs})
    return Request("POST", f"{_task(task_id)}/retry", Task.read, body=body, repeatable=False)


def delete(task_id: str) -> Request[None]:
    """Not repeated: the second one would find nothing."""
    return Request("DELETE", _task(task_id), lambda _: None, repeatable=False)


def order(
    action: str, ids: Sequence[str] | None, conditions: Mapping[str, Any] | None
) -> Request[BulkOperation]:
    """Cancel, retry or delete many; with a key, so one that is repeated is one order."""
    return Request(
        "POST",
        f"{PREFIX}/tasks/bulk/{action}",
        BulkOperation.read,
        body=_selection(ids, conditions),
        headers=_keyed(None),
    )


def preview(
    action: str, ids: Sequence[str] | None, conditions: Mapping[str, Any] | None
) -> Request[BulkPreview]:
    """What that would be about."""
    body = {**_selection(ids, conditions), "dry_run": True}
    return Request("POST", f"{PREFIX}/tasks/bulk/{action}", BulkPreview.read, body=body)


def _selection(ids: Sequence[str] | None, conditions: Mapping[str, Any] | None) -> dict[str, Any]:
    if (ids is None) == (conditions is None):
        raise ValueError("give ids or where, one of the two")
    if ids is not None:
        return {"ids": [str(each) for each in ids]}
    wanted = fields(conditions or {})
    if isinstance(wanted.get("status"), str):
        # A list takes one or several, a filter a list of them.
        wanted["status"] = [wanted["status"]]
    return {"filter": wanted}


def operation(operation_id: str) -> Request[BulkOperation]:
    """How far a bulk operation has come."""
    return Request("GET", _operation(operation_id), BulkOperation.read)


def abort(operation_id: str) -> Request[BulkOperation]:
    """Stop it; what is done stays done."""
    return Request("POST", f"{_operation(operation_id)}/abort", BulkOperation.read)


def stream(task_id: str) -> str:
    """The path of a task's events."""
    return f"{_task(task_id)}/events"


def _task(task_id: str) -> str:
    return f"{PREFIX}/tasks/{quote(str(task_id), safe='')}"


def _operation(operation_id: str) -> str:
    return f"{PREFIX}/bulk-operations/{quote(str(operation_id), safe='')}"
