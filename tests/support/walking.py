"""Every operation of the API, asked one after the other: addresses, sound bodies, and answers.

A new operation is walked by itself; all that it has to bring is a good body, in `GOOD`.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.support.api import LONG, Api, new_task
from tests.support.operations import Operation, operations

NOBODYS = "01a20e72-6ec7-74d0-bc60-000000000000"
HOOK = {"url": "https://example.com/hook", "filter": {"queue": "default"}}
SCHEDULE = {"name": "s", "kind": "interval", "interval_seconds": 86_400, "celery_task_name": LONG,
            "args": [1]}  # fmt: skip
LOGIN = {"email": "nobody@example.org", "password": "wrong"}
ORDER = {"ids": [NOBODYS]}
GOOD: dict[str, Any] = {
    "POST /api/v1/auth/session": LOGIN,
    "POST /api/v1/auth/token": LOGIN,
    "POST /api/v1/tokens": {"name": "t"},
    "POST /api/v1/tokens/{token_id}/rotate": {"overlap_seconds": 60},
    "POST /api/v1/users": {"email": "new@example.org"},
    "POST /api/v1/tasks/": new_task(),
    "PATCH /api/v1/tasks/{task_id}": {"name": "n"},
    "POST /api/v1/tasks/{task_id}/retry": {"args": [1]},
    "POST /api/v1/tasks/bulk": {"tasks": [new_task()]},
    "POST /api/v1/tasks/bulk/cancel": ORDER,
    "POST /api/v1/tasks/bulk/delete": ORDER,
    "POST /api/v1/tasks/bulk/retry": ORDER,
    "POST /api/v1/schedules/": SCHEDULE,
    "PATCH /api/v1/schedules/{schedule_id}": {"name": "n"},
    "PUT /api/v1/limits/{kind}/{name}": {"concurrency": 1},
    "PATCH /api/v1/limits/{kind}/{name}": {"concurrency": 1},
    "POST /api/v1/webhooks/": HOOK,
    "PATCH /api/v1/webhooks/{webhook_id}": {"active": False},
}
# What stands in a path where nothing else is said: of ids that of nobody.
IN_PATHS = {"name": "default", "kind": "queue"}
JSON = {"Content-Type": "application/json"}


def walked(api: Api) -> list[Operation]:
    """All operations of the API."""
    return [each for each in operations(api.app.openapi()) if each.path.startswith("/api/")]


def url_of(operation: Operation, **values: str) -> str:
    """The operation's address."""
    names = [each["name"] for each in operation.parameters("path")]
    return operation.path.format(
        **{name: values.get(name, IN_PATHS.get(name, NOBODYS)) for name in names}
    )


def body_of(operation: Operation) -> dict[str, Any]:
    """What `ask` has to send along."""
    return {"json": GOOD[str(operation)]} if operation.body else {}


async def ask(
    client: httpx2.AsyncClient, operation: Operation, url: str, **sent: Any
) -> httpx2.Response:
    """The answer, of which a stream of events is not read."""
    if "json" in sent:
        sent["content"] = json.dumps(sent.pop("json"))
        sent["headers"] = {**JSON, **sent.get("headers", {})}
    async with client.stream(operation.method, url, **sent) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            await answer.aread()
    return answer


def told(answer: httpx2.Response, *names: str) -> tuple[int, list[tuple[str, str]], str]:
    """All that an answer tells: byte for byte, but for these names and what tells requests apart."""
    text = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    for name in names:
        text = text.replace(name, "NAME")
    headers = [
        pair
        for pair in answer.headers.multi_items()
        if pair[0] not in ("content-length", "date", "x-request-id")
    ]
    return answer.status_code, sorted(headers), text
