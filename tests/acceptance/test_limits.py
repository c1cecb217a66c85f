"""Limits on a system that runs: set on the command line, kept by real workers, felt by nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import TASKS, Stack

KEY = "customer:17"


@pytest.fixture(autouse=True)
def lifted(stack: Stack) -> Iterator[None]:
    """No limit is left for other tests."""
    yield
    for limit in stack.client.get("/api/v1/limits/").json():
        url = f"/api/v1/limits/{limit['kind']}/{limit['name']}"
        assert stack.client.delete(url).status_code == 204


def most_at_once(log: EffectLog) -> int:
    """How many bodies ran at the same time."""
    running = most = 0
    for effect in sorted(log.all(), key=lambda each: (each.time, each.phase != "done")):
        running += 1 if effect.phase == "start" else -1
        most = max(most, running)
    return most


def test_a_key_has_one_running_at_a_time_and_each_next_one_follows(stack: Stack) -> None:
    log = stack.effect_log()
    stack.taskctl("limits", "set", "key", "customer:*", "--concurrency", "1")
    mine = [stack.submit("sleep_for", 0.1, str(log), limit_key=KEY)["id"] for _ in range(6)]
    other = stack.run("noop", limit_key="customer:18")
    assert other["status"] == "succeeded"
    assert {stack.wait_for(task_id, timeout=60)["status"] for task_id in mine} == {"succeeded"}
    assert len(log.all()) == 12
    assert most_at_once(log) == 1


def test_the_burst_lane_keeps_to_a_limit(stack: Stack) -> None:
    log = stack.effect_log()
    url = "/api/v1/limits/key/short"
    assert stack.client.put(url, json={"concurrency": 2}).status_code == 200
    assert stack.client.post("/api/v1/queues/default/pause").status_code == 200
    ids = [stack.submit("burst_step", str(log), limit_key="short")["id"] for _ in range(30)]
    assert stack.client.post("/api/v1/queues/default/resume").status_code == 200
    used: list[int] = []

    def ended() -> bool:
        used.append(stack.client.get(url).json()["used"])
        return sum(effect.phase == "done" for effect in log.all()) == len(ids)

    wait_until(ended, timeout=60, what="all have run")
    assert max(used) <= 2
    assert most_at_once(log) <= 2
    assert {stack.wait_for(task_id)["attempt"] for task_id in ids} == {1}


def test_the_place_of_a_killed_holder_is_given_back(stack: Stack) -> None:
    log = str(stack.effect_log())
    limit = {"concurrency": 1}
    assert stack.client.put(f"/api/v1/limits/key/{KEY}", json=limit).status_code == 200
    holders = [stack.submit("kill_self", log, limit_key=KEY)["id"] for _ in range(2)]
    waiting = stack.submit("noop", limit_key=KEY)["id"]
    assert stack.wait_for(waiting, timeout=60)["status"] == "succeeded"
    assert {stack.wait_for(task_id)["reason"] for task_id in holders} == {"worker_lost"}


@pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)
def test_an_owner_who_floods_keeps_nobody_waiting(stack: Stack) -> None:
    other = stack.client_for("other@example.org")
    body = {"name": "n", "task_type": "flood", "celery_task_name": f"{TASKS}sleep_for"}
    flood = {"tasks": [{**body, "args": [0.02]}] * 2000}
    assert stack.client.post("/api/v1/tasks/bulk", json=flood).status_code == 201
    task_id = stack.submit("noop", client=other)["id"]
    stack.wait_for(task_id, timeout=60)
    counts = stack.client.get("/api/v1/tasks/count", params={"task_type": "flood"}).json()
    assert counts["pending"] > 200

    def cancels_the_rest() -> bool:
        rest = {"filter": {"task_type": "flood", "status": ["pending"]}}
        return stack.client.post("/api/v1/tasks/bulk/cancel", json=rest).status_code in (200, 202)

    def left() -> int:
        counts = stack.client.get("/api/v1/tasks/count", params={"task_type": "flood"}).json()
        return int(counts["pending"])

    # Those of other tests would wait behind them. A machine that is this busy may answer 503 first.
    wait_until(cancels_the_rest, timeout=30, what="the rest is being cancelled")
    wait_until(lambda: left() == 0, timeout=60, what="the rest is cancelled")


@pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)
def test_limits_are_set_listed_and_lifted(stack: Stack) -> None:
    assert json.loads(stack.taskctl("limits", "list", "--json")) == []
    made = stack.taskctl("limits", "set", "task", f"{TASKS}noop", "--concurrency", "0", "--json")
    assert json.loads(made)["concurrency"] == 0
    held = stack.submit("noop")
    stack.taskctl("limits", "set", "key", KEY, "--rate", "100/m")
    table = stack.taskctl("limits", "list")
    assert (f"{TASKS}noop" in table, KEY in table, "100/m" in table) == (True, True, True)
    (limit,) = json.loads(stack.taskctl("limits", "list", "--kind", "key", "--json"))
    assert (limit["name"], limit["rate"], limit["concurrency"]) == (KEY, "100/m", None)
    assert stack.task(held["id"])["status"] == "pending"
    assert (
        stack.taskctl("limits", "delete", "task", f"{TASKS}noop")
        == f"task {TASKS}noop: no limit.\n"
    )
    assert stack.wait_for(held["id"])["status"] == "succeeded"


@pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)
def test_what_is_no_limit_is_a_sentence(stack: Stack) -> None:
    for words, sentence in (
        (("set", "key", KEY), "--concurrency, --rate or both"),
        (("set", "key", KEY, "--rate", "fast"), "10/s"),
        (("delete", "key", "nobody"), "no limit of key"),
    ):
        with pytest.raises(AssertionError, match=sentence):
            stack.taskctl("limits", *words)
