"""What an entry of the audit log tells of an action, and what it never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain import audit

ID = "01a20e72-6ec7-74d0-bc60-000000000000"


@pytest.mark.parametrize(
    ("action", "body", "told"),
    [
        ("createUser", {"email": "a@b", "role": "admin", "password": "x"},
         {"email": "a@b", "role": "admin"}),
        ("createToken", {"name": "ci", "scopes": ["tasks:read"], "expires_in": 60},
         {"name": "ci", "scopes": ["tasks:read"], "expires_in": 60}),
        ("cancelTasks", {"ids": [ID, ID], "dry_run": True}, {"dry_run": True, "ids": 2}),
        ("deleteTasks", {"filter": {"queue": "q", "status": ["failed"]}},
         {"filter": {"queue": "q", "status": ["failed"]}}),
        ("createWebhook", {"url": "https://u:p@example.com/T0/secret?x=1", "active": True},
         {"active": True, "host": "example.com"}),
        ("changeWebhook", {"url": "https://[broken", "active": False},
         {"active": False, "fields": ["active", "url"]}),
        ("retryTask", {"args": [1], "kwargs": {"password": "x"}}, {"fields": ["args", "kwargs"]}),
        ("rotateToken", {"overlap_seconds": 60}, {"overlap_seconds": 60}),
        ("updateTask", {"name": "secret", "priority": 3},
         {"priority": 3, "fields": ["name", "priority"]}),
        ("updateTask", {"Not A Field\n": 1}, {"fields": []}),
        ("putLimit", {"concurrency": 2, "rate": "10/s"}, {"concurrency": 2, "rate": "10/s"}),
        ("resolveErrorGroup", {"anything": "else"}, {}),
        ("createUser", ["no", "mapping"], {}),
        ("createUser", None, {}),
    ],
)  # fmt: skip
def test_an_action_is_told_by_what_is_named_for_it(
    action: str, body: Any, told: dict[str, Any]
) -> None:
    assert audit.detail(action, body, {}) == told


def test_a_pause_names_its_queue() -> None:
    assert audit.detail("pauseQueue", {}, {"name": "default"}) == {"queue": "default"}


@pytest.mark.parametrize(
    "hostile",
    ["x" * 100_000, ["x" * 1000] * 1000, {"x" * 1000: {"y": [[[[1]]]]}}, 10**400, [[[[]]]]],
)
def test_a_detail_stays_small_whatever_is_sent(hostile: Any) -> None:
    body = {"email": hostile, "role": hostile, "filter": hostile, "ids": hostile}
    for action in ("createUser", "cancelTasks"):
        told = json.dumps(audit.detail(action, body, {}))
        assert len(told) <= audit.MAX_DETAIL


def test_an_id_is_kept_in_one_spelling() -> None:
    about = audit.target({"task_id": ID.upper().replace("-", ""), "name": "n" * 1000})
    assert about == {"task_id": ID, "name": "n" * audit.MAX_TEXT}
