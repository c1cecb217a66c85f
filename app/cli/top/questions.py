"""What `top` asks of the API, as far as the token may."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from app.cli.client import Api

RUNNING_LIMIT = 200
FAILED_LIMIT = 50


class Question(NamedTuple):
    """A path and its parameters, and the scope that it needs."""

    scope: str
    path: str
    params: dict[str, Any]


QUESTIONS = {
    "totals": Question("tasks:read", "/tasks/count", {}),
    "queues": Question("queues:read", "/queues", {}),
    "workers": Question("workers:read", "/workers", {}),
    "running": Question("tasks:read", "/tasks/", {"status": "running", "limit": RUNNING_LIMIT}),
    "failed": Question("tasks:read", "/tasks/", {"status": "failed", "limit": FAILED_LIMIT}),
}


def questions(scopes: Collection[str]) -> dict[str, Question]:
    """Those that a token with these scopes may ask, by the names of their answers."""
    return {name: each for name, each in QUESTIONS.items() if each.scope in scopes}


def snapshot(api: Api) -> dict[str, Any]:
    """Everything that the screen shows, once; parts that the token may not read are absent."""
    me = api.get("/users/me")
    answers = {
        name: api.get(each.path, each.params) for name, each in questions(me["scopes"]).items()
    }
    at = datetime.now(UTC).isoformat()
    return {"at": at, "user": me["email"], "role": me["role"], **answers}
