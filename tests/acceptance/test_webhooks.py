"""Webhooks on a system that runs: sent by the agent, whoever is killed, and the commands."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.receiver import Receiver, receiving
from tests.support.stack import Stack

HOOKS = "/api/v1/webhooks/"
# What is due, claimed and settled is tested on both kinds of database.
on_sqlite = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(200, body=b"thanks") as opened:
        yield opened


def webhooks(stack: Stack, *words: str) -> Any:
    """What a command answers."""
    return json.loads(stack.taskctl("webhooks", *words, "--json"))


def test_each_end_of_a_task_is_told_and_signed(stack: Stack, receiver: Receiver) -> None:
    wanted = {"url": receiver.url, "filter": {"task_type": "told"}}
    made = stack.client.post(HOOKS, json=wanted).json()
    stack.run("noop")
    later = stack.submit("noop", countdown=3600, task_type="told")
    stack.client.post(f"/api/v1/tasks/{later['id']}/cancel")
    ends = {
        "task.revoked": later["id"],
        "task.failed": stack.run("fail", "on purpose", task_type="told")["id"],
        "task.succeeded": stack.run("add", 1, 2, task_type="told")["id"],
    }

    def told() -> dict[str, str]:
        return {got.json["type"]: got.json["data"]["id"] for got in receiver.received}

    wait_until(lambda: told() == ends, timeout=60, what="all three have been told")
    assert all(got.is_signed_with(made["secret"]) for got in receiver.received)
    stack.client.delete(HOOKS + made["id"])


@on_sqlite
def test_a_kill_of_the_sender_loses_nothing(stack: Stack, receiver: Receiver) -> None:
    receiver.held.clear()
    made = webhooks(stack, "create", receiver.url, "--event", "task.failed", "--type", "killed")
    stack.run("noop", task_type="killed")
    task = stack.run("fail", "on purpose", task_type="killed")
    wait_until(lambda: receiver.received, timeout=60, what="the delivery is under way")
    os.kill(Machine(stack).agent, signal.SIGKILL)
    receiver.held.set()

    def taken() -> bool:
        return len(receiver.received) > 1

    wait_until(taken, timeout=90, what="it is sent again")
    path = f"/api/v1/webhooks/{made['id']}/deliveries"
    wait_until(
        lambda: [each["status"] for each in stack.client.get(path).json()] == ["succeeded"],
        timeout=60,
        what="it is settled",
    )
    assert {got.id for got in receiver.received} == {f"task-{task['id']}"}
    assert all(got.is_signed_with(made["secret"]) for got in receiver.received)
    data = receiver.received[0].json["data"]
    assert (data["status"], data["error"]["message"]) == ("failed", "on purpose")
    stack.client.delete(f"/api/v1/webhooks/{made['id']}")


@on_sqlite
def test_webhooks_are_looked_after_with_commands(stack: Stack, receiver: Receiver) -> None:
    made = webhooks(stack, "create", receiver.url, "--queue", "default", "--tag", "a", "--all")
    webhook_id = made["id"]
    assert (made["scope"], made["filter"]) == ("all", {"queue": "default", "tag": "a"})
    assert webhook_id in stack.taskctl("webhooks", "list")
    shown = stack.taskctl("webhooks", "show", webhook_id)
    assert receiver.url in shown
    assert made["secret"] not in shown
    ping = webhooks(stack, "test", webhook_id)
    wait_until(lambda: receiver.received, timeout=60, what="the ping has come")
    log = stack.taskctl("webhooks", "deliveries", webhook_id)
    assert (ping["id"] in log, "webhook.ping" in log) == (True, True)
    assert webhooks(stack, "replay", webhook_id, ping["id"])["status"] == "pending"
    wait_until(lambda: len(receiver.received) > 1, timeout=60, what="the ping has come again")
    new = webhooks(stack, "rotate-secret", webhook_id)["secret"]
    assert new != made["secret"]
    changed = webhooks(
        stack, "change", webhook_id, "--inactive", "--event", "task.revoked", "--tag", "b"
    )
    assert (changed["active"], changed["events"], changed["filter"]) == (
        False, ["task.revoked"], {"tag": "b"},
    )  # fmt: skip
    with pytest.raises(AssertionError, match="not active"):
        stack.taskctl("webhooks", "test", webhook_id)
    assert "deleted" in stack.taskctl("webhooks", "delete", webhook_id)
    with pytest.raises(AssertionError, match="no such webhook"):
        stack.taskctl("webhooks", "show", webhook_id)
