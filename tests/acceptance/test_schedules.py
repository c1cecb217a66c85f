"""Schedules made at run time, on the real system: beats fire them, workers run them, people hold them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import MakeStack

SCHEDULES = "/api/v1/schedules/"
SECONDS = 8
on_sqlite = pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)


def once(stack: Stack, name: str, seconds: float, **changes: Any) -> dict[str, Any]:
    """A schedule that fires once, so many seconds from now."""
    body = {
        "name": name, "kind": "once", "at": in_seconds(seconds),
        "celery_task_name": TASKS + "add", "args": [2, 3], **changes,
    }  # fmt: skip
    answer = stack.client.post(SCHEDULES, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def history(stack: Stack, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    return list(stack.client.get(f"{SCHEDULES}{schedule['id']}/history").json())


def test_two_beats_of_which_one_is_killed_fire_each_slot_once(
    make_stack: MakeStack, database_url: str
) -> None:
    stack = make_stack(database_url, parts=("api", "worker", "beat"))
    stack.start_part("beat2")
    # They had nothing to fire when they started: what is new they have to notice by themselves.
    made = [once(stack, f"n{number}", 2 + number) for number in range(SECONDS)]
    wait_until(lambda: history(stack, made[1]), timeout=30, what="the second slot has fired")
    stack.kill("beat")
    wait_until(
        lambda: all(history(stack, each) for each in made), timeout=60, what="every slot has fired"
    )
    for each in made:
        (fired,) = history(stack, each)
        assert fired["fire_at"] == each["next_fire_at"]
        assert stack.wait_for(fired["task_id"], "succeeded")["result"] == 5
    tasks = stack.client.get("/api/v1/tasks/", params={"task_type": "scheduled"}).json()
    assert len(tasks) == SECONDS
    late = [lateness(each) for each in (history(stack, one)[0] for one in made)]
    # The other one took over within seconds; nothing waited for a lease.
    assert max(late) < timedelta(seconds=30)


def lateness(fired: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(fired["fired_at"]) - datetime.fromisoformat(fired["fire_at"])


@on_sqlite
def test_taskctl_makes_and_manages_schedules(stack: Stack) -> None:
    words = ("create", f"{TASKS}add", "2", "3", "--every", "1h", "--name", "hourly sum")
    made = json.loads(stack.taskctl("schedules", *words, "--tag", "cli", "--json"))
    assert (made["interval_seconds"], made["args"], made["tags"]) == (3600, [2, 3], ["cli"])
    shown = stack.taskctl("schedules", "show", made["id"])
    assert "Every hour" in shown
    assert shown.count("next") == 5
    changes = ("--cron", "30 3 * * MON-FRI", "--timezone", "Europe/Berlin", "--overlap", "skip")
    changed = stack.taskctl("schedules", "update", made["id"], *changes, "--args", "[4, 5]")
    assert "At 03:30, on Monday to Friday (Europe/Berlin)" in changed
    table = stack.taskctl("schedules", "list", "--going", "--task", f"{TASKS}add")
    assert (made["id"] in table, "hourly sum" in table) == (True, True)
    assert stack.taskctl("schedules", "pause", made["id"]) == f"{made['id']}: paused\n"
    assert made["id"] in stack.taskctl("schedules", "list", "--paused")
    assert f"{made['id']}: going, next " in stack.taskctl("schedules", "resume", made["id"])
    task_id = stack.taskctl("schedules", "run", made["id"]).strip()
    assert stack.wait_for(task_id, "succeeded")["result"] == 9
    told = stack.taskctl("schedules", "history", made["id"])
    assert (task_id in told, "manual" in told, "succeeded" in told) == (True, True, True)
    assert "Deleted; its tasks stay" in stack.taskctl("schedules", "delete", made["id"])
    assert stack.client.get(f"/api/v1/tasks/{task_id}").status_code == 200


@on_sqlite
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", f"{TASKS}add"), "Say when"),
        (("create", f"{TASKS}add", "--every", "5m", "--at", "2090-01-01T00:00:00Z"), "Give one of"),
        (("create", f"{TASKS}add", "1", "2", "--every", "5s"), "An interval is 10 s"),
        (("create", f"{TASKS}add", "1", "2", "--cron", "0 0 30 2 *"), "never fires"),
        (("show", "01a20e62-5c01-77fa-b45b-507bb0619966"), "no such schedule"),
    ],
)
def test_taskctl_says_what_is_wrong_in_a_sentence(
    stack: Stack, words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(AssertionError, match=sentence):
        stack.taskctl("schedules", *words)
