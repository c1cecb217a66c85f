"""`taskctl queues` and `taskctl workers`, as an operator at a terminal uses them."""

from __future__ import annotations

import json

import pytest

from tests.support.stack import Stack

pytestmark = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


def line_of(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(name))


def test_a_queue_is_held_back_listed_and_let_go_on(stack: Stack) -> None:
    paused = stack.taskctl("queues", "pause", "lane")
    assert paused.startswith("lane: paused since ")
    assert paused.endswith("Z by admin@localhost.\n")
    task_id = stack.submit("noop", queue="lane")["id"]
    cure = stack.taskctl("explain", task_id)
    assert "taskctl queues resume lane" in cure
    line = line_of(stack.taskctl("queues", "list"), "lane")
    assert "paused since" in line
    found = {each["name"]: each for each in json.loads(stack.taskctl("queues", "list", "--json"))}
    assert (found["lane"]["paused"], found["lane"]["depth"]) == (True, 1)
    assert not found["default"]["paused"]
    assert stack.taskctl("queues", "resume", "lane", "default") == "lane: going.\ndefault: going.\n"
    assert stack.wait_for(task_id)["status"] == "succeeded"
    assert " going " in line_of(stack.taskctl("queues", "list"), "lane")


def test_a_queue_that_is_none_is_a_sentence(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="There is no queue 'lame'; known: "):
        stack.taskctl("queues", "pause", "lame")


def test_workers_are_listed_with_what_they_do(stack: Stack) -> None:
    (live,) = stack.live_workers()
    line = line_of(stack.taskctl("workers", "list"), live["name"])
    assert line.split()[2:4] == ["live", f"0/{live['slots']}"]
    assert line.rstrip().endswith(" ".join(live["queues"]))
    (told,) = [
        each
        for each in json.loads(stack.taskctl("workers", "list", "--json"))
        if each["name"] == live["name"]
    ]
    assert (told["live"], told["slots"]) == (True, live["slots"])
