"""Entries of a broker list: what Celery's clients send passes, everything else is named."""

from __future__ import annotations

import base64
import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery

from app.hints import BODY
from app.worker import envelope

celery = Celery("tests", broker="memory://", set_as_current=False)
GOOD_BODY = [[1, "a"], {"k": None}, {"callbacks": None, "errbacks": None, "chain": None}]


def entry(body: Any = GOOD_BODY, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    message = celery.amqp.as_task_v2("7f9c4e3e-0000-4000-8000-000000000001", "some.task")
    return {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {**message.headers, "retries": 0, **(headers or {})},
        "properties": {
            **message.properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "default"},
            "priority": 6,
            "body_encoding": "base64",
            "delivery_tag": "1ea56a5c-3b43-47d3-9e5c-000000000000",
        },
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good entry with one place changed; `...` takes it out."""
    whole = copy.deepcopy(entry())
    *parents, last = path.split("/")
    place = whole
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return whole


def read(value: Any) -> dict[str, Any]:
    return envelope.read(json.dumps(value).encode())


@pytest.mark.parametrize(
    "good",
    [
        entry(),
        entry(headers={"timelimit": [300, 200.5]}),
        entry(headers={"eta": datetime.now(UTC).isoformat(), "expires": "2030-01-01T00:00:00"}),
        entry(headers={"group": "g", "retries": 3, "stamps": {"a": ["b"]}, "stamped_headers": ["a"]}),
        entry([[], {}, None]),
        entry([[[["deep"] * 3]] * 40, {}, {}]),
        changed("properties/priority", None),
        changed("headers/timelimit", ...),
        # A reply to an inspect command, a batch of events, and the first message protocol.
        changed("headers", {}) | {"body": base64.b64encode(b'{"worker": {"ok": 1}}').decode()},
        changed("headers", {"hostname": "h"}) | {"body": base64.b64encode(b'[{"type": "x"}]').decode()},
        changed("headers", {})
        | {"body": base64.b64encode(b'{"task": "t", "id": "1", "args": [], "kwargs": {}}').decode()},
    ],
)  # fmt: skip
def test_message_of_celerys_own_passes(good: dict[str, Any]) -> None:
    assert read(good) == json.loads(json.dumps(good))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[" * 500 + b"]" * 500, "nested deeper"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"9" * 5000, "not JSON"),
        (b'{"__type__": "datetime", "__value__": "never"}', "not JSON"),
        (b'{"__type__": [], "__value__": 1}', "not JSON"),
        (b"{}", "properties"),
    ],
)
def test_entry_that_is_no_object_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(envelope.Refused, match=reason):
        envelope.read(raw)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("properties", [], "properties"),
        ("properties/delivery_tag", ..., "delivery_tag"),
        ("properties/delivery_tag", 5, "delivery_tag"),
        ("properties/delivery_info", None, "delivery_info"),
        ("properties/delivery_info/exchange", ..., "delivery_info"),
        ("properties/delivery_info/routing_key", 1, "delivery_info"),
        ("properties/priority", "6", "priority"),
        ("properties/priority", float("inf"), "priority"),
        ("properties/body_encoding", "rot13", "body_encoding"),
        ("properties/correlation_id", {}, "correlation_id"),
        ("headers", [1], "headers"),
        ("headers/task", 7, "task"),
        ("headers/task", "", "task"),
        ("headers/id", None, "id"),
        ("headers/id", "x" * 256, "id"),
        ("headers/argsrepr", [1], "argsrepr"),
        ("headers/timelimit", 5, "timelimit"),
        ("headers/timelimit", [1], "timelimit"),
        ("headers/timelimit", ["a", None], "timelimit"),
        ("headers/timelimit", [float("nan"), None], "timelimit"),
        ("headers/timelimit", [-1, None], "timelimit"),
        ("headers/timelimit", [True, None], "timelimit"),
        ("headers/eta", "tomorrow", "eta"),
        ("headers/eta", "0001-01-01T00:00:00", "eta"),
        ("headers/expires", 12, "expires"),
        ("headers/retries", "1", "retries"),
        ("headers/group", 3, "group"),
        ("headers/stamps", [], "stamps"),
        ("headers/stamped_headers", "a", "stamped_headers"),
        ("headers/compression", "application/x-unknown", "compression"),
        ("content-type", "application/x-python-serialize", "content-type"),
        ("content-encoding", "utf-7", "content-encoding"),
        ("content-encoding", [], "content-encoding"),
        ("content-encoding", {}, "content-encoding"),
        ("body", 5, "body"),
        ("body", "", "body"),
        ("body", ..., "body"),
        ("body", "a", "base64"),
        ("body", "é", "base64"),
        ("body", base64.b64encode(b"\xff").decode(), "not JSON"),
    ],
)
def test_wrong_part_of_a_message_is_named(path: str, value: Any, reason: str) -> None:
    with pytest.raises(envelope.Refused, match=reason):
        read(changed(path, value))


def test_a_hints_body_is_known_only_as_a_hint_carries_it() -> None:
    hint = changed("body", BODY)
    assert read(hint) == hint
    hint["properties"]["body_encoding"] = "utf-8"
    with pytest.raises(envelope.Refused, match="not JSON"):
        read(hint)


@pytest.mark.parametrize(
    "body",
    [
        {},
        "text",
        5,
        [],
        [[], {}],
        [[], {}, {}, 1],
        [{}, {}, {}],
        [[], [], {}],
        [[], {}, 5],
        [[], {}, {"args": 1}],
        ["args", {}, {}],
        [[{"__type__": "uuid", "__value__": 3}], {}, {}],
        [[json.loads("[" * 80 + "]" * 80)], {}, {}],
    ],
)
def test_body_of_another_shape_is_refused(body: Any) -> None:
    with pytest.raises(envelope.Refused):
        read(entry(body))


def test_body_that_is_neither_task_nor_reply_is_refused() -> None:
    with pytest.raises(envelope.Refused, match="neither a task nor a reply"):
        read(changed("headers", {}))
