"""`taskctl errors` on a system that runs: found by the agent, dealt with, back, and run again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack


def found(stack: Stack, **wanted: Any) -> dict[str, Any]:
    """The group of the failure below, once the agent has counted it as wanted."""

    def matching() -> list[dict[str, Any]]:
        params = {"celery_task_name": f"{TASKS}fail", "q": "the drum"}
        groups = stack.client.get("/api/v1/error-groups", params=params).json()
        return [each for each in groups if each.items() >= wanted.items()]

    wait_until(matching, timeout=20, what=f"an error group with {wanted}")
    (group,) = matching()
    return group


def test_errors_of_real_tasks_are_counted_shown_and_run_again(stack: Stack) -> None:
    ids = {stack.run("fail", f"the drum {number} is empty")["id"] for number in range(2)}
    named = ("--task", f"{TASKS}fail", "-q", "the drum")
    group = found(stack, failures=2, tasks=2)
    assert (group["type"], group["state"]) == ("ValueError", "open")
    assert group["frames"][-1] == "tasks.py:fail"
    assert group["last_task_id"] in ids
    (listed,) = json.loads(stack.taskctl("errors", "list", *named, "--json"))
    assert listed == group
    shown = stack.taskctl("errors", "show", group["id"])
    assert "Traceback (most recent call last)" in shown
    assert stack.taskctl("errors", "resolve", group["id"]) == f"{group['id']}: resolved\n"
    answer = stack.taskctl("errors", "retry", group["id"])
    assert answer == "2 tasks run again; 0 are left.\n"
    assert found(stack, regressed=True, failures=4)["id"] == group["id"]
    table = stack.taskctl("errors", "list", *named)
    assert (group["id"] in table, "came back" in table) == (True, True)
    tasks = stack.client.get(f"/api/v1/error-groups/{group['id']}/tasks").json()
    assert ids <= {task["id"] for task in tasks}
    assert {task["retry_of"] for task in tasks} - {None} <= ids


@pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)
def test_an_unknown_group_is_a_sentence(stack: Stack) -> None:
    for verb in ("show", "resolve", "reopen", "retry"):
        with pytest.raises(AssertionError, match="no such error group"):
            stack.taskctl("errors", verb, "01a20e62-5c01-77fa-b45b-507bb0619966")
