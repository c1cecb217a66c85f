"""What an entry of the audit log tells of an action, and which entries somebody looks for.

Bodies are looked at before they are checked, and hold what nobody else is to read: passwords,
arguments, results, addresses that are secrets themselves. So only what is named here is told by
its value, and of changes the names of the fields.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

MAX_TEXT = 200
MAX_ITEMS = 20
MAX_DETAIL = 4_000
_FIELD = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_SCALARS = (bool, float, type(None))

_LIMIT = ("concurrency", "rate")
_WEBHOOK = ("events", "filter", "scope", "active")
_ORDER = ("filter", "dry_run")
# By the operation: what is told by its value.
_VALUES: dict[str, tuple[str, ...]] = {
    "cancelTasks": _ORDER,
    "changeLimit": _LIMIT,
    "changeWebhook": _WEBHOOK,
    "createSchedule": ("name", "kind", "celery_task_name", "queue"),
    "createToken": ("name", "scopes", "expires_in", "user"),
    "createUser": ("email", "role"),
    "createWebhook": _WEBHOOK,
    "deleteTasks": _ORDER,
    "putLimit": _LIMIT,
    "retryTasks": _ORDER,
    "rotateToken": ("overlap_seconds",),
    "updateTask": ("status", "priority"),
}
_BY_NAMES = {"changeWebhook", "retryTask", "updateSchedule", "updateTask"}
_ORDERS = {"cancelTasks", "deleteTasks", "retryTasks"}
_WITH_URL = {"changeWebhook", "createWebhook"}
_OF_A_QUEUE = {"pauseQueue", "resumeQueue"}


class Via(StrEnum):
    """How whoever acted was known: by what was sent, or by sitting at the machine."""

    TOKEN = "token"
    SESSION = "session"
    LINK = "link"
    PASSWORD = "password"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; None does not restrict.

    `user` is an id or an email, `status` `failed`, `open` (no end is known) or an HTTP status,
    `target` a value of the action's path, such as a task's id.
    """

    user: str | None = None
    action: str | None = None
    via: Via | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    target: str | None = None


def as_id(text: str) -> uuid.UUID | None:
    """The id that the text is, if it is one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def spelled(value: str) -> str:
    """A value of a path as it is kept: ids in one spelling, nothing very long."""
    found = as_id(value)
    return str(found) if found else value[:MAX_TEXT]


def target(parameters: Mapping[str, Any]) -> dict[str, str]:
    """What an action is about, by the parameters of its path."""
    return {name: spelled(str(value)) for name, value in parameters.items()}


def detail(action: str, body: Any, about: Mapping[str, str]) -> dict[str, Any]:
    """What tells of an action, from its body and its target. Small, and never a secret."""
    if action in _OF_A_QUEUE:
        return {"queue": about.get("name")}
    if not isinstance(body, dict):
        return {}
    told: dict[str, Any] = {
        name: _short(body[name]) for name in _VALUES.get(action, ()) if name in body
    }
    if action in _ORDERS and isinstance(body.get("ids"), list):
        told["ids"] = len(body["ids"])
    if action in _WITH_URL and (host := _host(body.get("url"))):
        told["host"] = host
    if action in _BY_NAMES:
        told["fields"] = _names(body)
    return told if len(json.dumps(told)) <= MAX_DETAIL else {"fields": _names(body)}


def _names(body: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in body if _FIELD.fullmatch(name))[:MAX_ITEMS]


def _host(url: Any) -> str | None:
    """Of a URL, whose it is: the rest is a secret at many receivers."""
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None
    return host[:MAX_TEXT] if host else None


def _short(value: Any, depth: int = 2) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, _SCALARS) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if depth and isinstance(value, list):
        return [_short(item, depth - 1) for item in value[:MAX_ITEMS]]
    if depth and isinstance(value, dict):
        few = list(value.items())[:MAX_ITEMS]
        return {name[:MAX_TEXT]: _short(item, depth - 1) for name, item in few}
    return "..."
