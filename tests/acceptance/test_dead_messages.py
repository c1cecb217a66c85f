"""Poisoned messages: kept aside, shown to a person, and no worker ends."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from app.hints import HEADER, MAX_ROWS, Hint, HintRow, encode
from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack import Stack

# They are the broker's matter, whatever the database.
pytestmark = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)

NOOP = "tests.support.tasks.noop"


def hint(rows: Any = ..., task: str = NOOP, **changes: Any) -> bytes:
    """A hint as the feed makes it, spoiled in one place."""
    good = HintRow(uuid.uuid4(), uuid.uuid4(), None, None)
    message = json.loads(encode(Hint(task, "default", 2, [good], 1.0, "()", "{}")))
    if rows is not ...:
        message["headers"][HEADER] = rows
    return json.dumps({**message, **changes}).encode()


def row(*changes: Any) -> list[Any]:
    """A row of a hint with its first places changed."""
    good: list[Any] = [str(uuid.uuid4()), str(uuid.uuid4()), None, None]
    return [*changes, *good[len(changes) :]]


ID = str(uuid.uuid4())
POISON: dict[str, bytes] = {
    "no JSON": b"{",
    "not text": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "rows of the wrong type": hint(rows="abc"),
    "rows that are an object": hint(rows={"a": 1}),
    "no rows": hint(rows=[]),
    "too many rows": hint(rows=[row() for _ in range(MAX_ROWS + 1)]),
    "a row that is no list": hint(rows=[5]),
    "a row too short": hint(rows=[[ID]]),
    "a row too long": hint(rows=[[*row(), 1]]),
    "an id that is none": hint(rows=[row("x")]),
    "an id that is a number": hint(rows=[row(7)]),
    "a limit that is text": hint(rows=[row(ID, ID, "soon")]),
    "a negative limit": hint(rows=[row(ID, ID, -1)]),
    "an endless limit": hint(rows=[row(ID, ID, float("inf"))]),
    "a limit that is true": hint(rows=[row(ID, ID, True)]),
    "a truncated body": hint(body=base64.b64encode(b"[[], {}, {}]").decode()[:-3]),
    "a body cut at a boundary": hint(body=base64.b64encode(b"[[], {}, {}]").decode()[:-4]),
    "headers that are a list": hint(headers=[1]),
    "an unknown function, no hint": json.dumps(
        {
            **json.loads(hint()),
            "headers": {
                name: value
                for name, value in json.loads(hint(task="nobody.has_this"))["headers"].items()
                if name != HEADER
            },
        }
    ).encode(),
    "huge": b'{"body": "' + b"x" * (33 * 1024 * 1024) + b'"}',
}


@pytest.fixture
def client(stack: Stack) -> Iterator[redis.Redis]:
    opened = redis.Redis.from_url(stack.broker.url)
    opened.delete(f"{stack.key_prefix}dead")
    yield opened
    opened.delete(f"{stack.key_prefix}dead")
    opened.close()


def test_poison_of_every_shape_is_kept_aside_and_ends_nobody(
    stack: Stack, client: redis.Redis
) -> None:
    stack.run("noop")
    machine = Machine(stack)
    agent, parents = machine.agent, machine.parents
    for raw in POISON.values():
        client.lpush(f"{stack.key_prefix}default\x06\x166", raw)
    wait_until(
        lambda: client.llen(f"{stack.key_prefix}dead") == len(POISON),
        timeout=30, what="all of it is kept aside",
    )  # fmt: skip
    assert stack.run("add", 1, 1)["result"] == 2
    assert (machine.agent, machine.parents) == (agent, parents)


def test_hints_of_rows_that_do_not_exist_are_dropped(stack: Stack, client: redis.Redis) -> None:
    for task in (NOOP, "nobody.has_this"):
        client.lpush(f"{stack.key_prefix}default\x06\x166", hint(task=task))
    assert stack.run("add", 1, 1)["result"] == 2
    assert client.llen(f"{stack.key_prefix}dead") == 0


def test_a_person_finds_what_is_kept_aside(stack: Stack, client: redis.Redis) -> None:
    client.lpush(f"{stack.key_prefix}default\x06\x166", b"no \x1b[31mmessage")
    wait_until(lambda: client.llen(f"{stack.key_prefix}dead") == 1, timeout=15, what="it is kept")
    client.lpush(f"{stack.key_prefix}dead", b"not ours")
    findings = json.loads(stack.taskctl("doctor", "--json", check=False))
    (found,) = [each for each in findings if each["check"] == "dead messages"]
    assert found["level"] == "warning"
    assert "taskctl dead list" in found["cure"]
    shown = stack.taskctl("dead", "list")
    assert "not JSON" in shown
    assert "\x1b" not in shown
    foreign, ours = json.loads(stack.taskctl("dead", "list", "--json"))
    assert (ours["queue"], ours["raw"]) == ("default", "no \x1b[31mmessage")
    assert foreign["reason"] == "not written by a worker"
    assert "2 forgotten" in stack.taskctl("dead", "clear")
    assert "0 of 0" in stack.taskctl("dead", "list")
