"""Tasks that wait for others, and tasks that make others, with real workers on both databases."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import Stack


def _starts_after(log: EffectLog, task_id: str, *needed: str) -> None:
    """The task has begun once, and only when all those were done."""
    (start,) = log.of(task_id, "start")
    for each in needed:
        (done,) = log.of(each, "done")
        assert done.time < start.time


def test_a_chain_runs_link_by_link(stack: Stack) -> None:
    log = stack.effect_log()
    chain = [stack.submit("sleep_for", 0.3, str(log))["id"]]
    for _ in range(4):
        chain.append(stack.submit("sleep_for", 0.01, str(log), depends_on=[chain[-1]])["id"])
    assert stack.wait_for(chain[-1])["status"] == "succeeded"
    for needed, task_id in pairwise(chain):
        _starts_after(log, task_id, needed)


def test_what_fans_out_comes_together_again(stack: Stack) -> None:
    log = stack.effect_log()
    root = stack.submit("sleep_for", 0.3, str(log))["id"]
    middle = [stack.submit("sleep_for", 0.05, str(log), depends_on=[root])["id"] for _ in range(12)]
    last = stack.submit("what_came_before", str(log), depends_on=middle)
    done = stack.wait_for(last["id"])
    assert done["status"] == "succeeded"
    assert done["result"] == [[task_id, "succeeded", 0.05] for task_id in middle]
    for task_id in middle:
        _starts_after(log, task_id, root)
    _starts_after(log, last["id"], *middle)


def test_a_link_follows_at_once(stack: Stack) -> None:
    chain = [stack.submit("noop", countdown=1)["id"]]
    for _ in range(10):
        chain.append(stack.submit("noop", depends_on=[chain[-1]])["id"])
    # Ten ticks of the agent would take ten seconds: each link is told by its worker.
    stack.wait_for(chain[0], "succeeded")
    stack.wait_for(chain[-1], "succeeded", timeout=8)


@pytest.mark.parametrize(
    ("how", "ended", "reason"),
    [("fail", "failed", "dependency_failed"), ("cancel", "revoked", "dependency_revoked")],
)
def test_what_depends_on_a_lost_one_ends_with_it(
    stack: Stack, how: str, ended: str, reason: str
) -> None:
    root = stack.submit("fail", "lost", countdown=3600)["id"]
    strict = [stack.submit("noop", depends_on=[root])["id"]]
    for _ in range(5):
        strict.append(stack.submit("noop", depends_on=[strict[-1]])["id"])
    tolerant = stack.submit("what_came_before", depends_on=[root], on_dependency_failure="run")
    if how == "cancel":
        assert stack.client.post(f"/api/v1/tasks/{root}/cancel").status_code == 200
    else:
        now = {"scheduled_at": stack.task(root)["created_at"]}
        assert stack.client.patch(f"/api/v1/tasks/{root}", json=now).status_code == 200
    last = stack.wait_for(strict[-1])
    assert (last["status"], last["reason"], last["attempt"]) == (ended, reason, 0)
    for each, needed in zip(strict, [root, *strict], strict=False):
        assert needed in stack.task(each)["error"]["message"]
    result = stack.wait_for(tolerant["id"], "succeeded")["result"]
    assert result == [[root, ended, None]]


def test_a_retried_one_is_waited_for(stack: Stack) -> None:
    log = stack.effect_log()
    needed = stack.submit("fail_times", 2, str(log))["id"]
    task = stack.run("what_came_before", depends_on=[needed])
    assert task["result"] == [[needed, "succeeded", 3]]


def test_a_task_makes_others_and_one_that_joins_them(stack: Stack) -> None:
    client = stack.client_for("spawner@example.org")
    submitted = stack.submit("split_and_join", list(range(20)), client=client, task_type="sums")
    task = stack.wait_for(submitted["id"], "succeeded")
    parts, joined = task["result"]["parts"], task["result"]["joined"]
    done = stack.wait_for(joined, "succeeded")
    assert done["result"] == sum(range(20))
    assert done["depends_on"] == parts
    children = client.get(f"/api/v1/tasks/{task['id']}/children").json()
    assert [child["id"] for child in children] == [joined, *parts[::-1]]
    for child in children:
        assert child["parent_id"] == task["id"]
        assert (child["user_id"], child["task_type"]) == (task["user_id"], "sums")
    assert {child["name"] for child in children} == {"add", "sum_of_parents"}


def test_what_does_not_fit_is_refused_in_the_task(stack: Stack) -> None:
    kind, message = stack.run("spawn_wrongly", "tests.support.tasks.noop")["result"]
    assert (kind, message) == ("Invalid", "each tag once")
    kind, message = stack.run("spawn_wrongly", "nowhere.noop")["result"]
    assert (kind, "not registered" in message) == ("Invalid", True)
    kind, message = stack.run("spawn_wrongly", "tests.support.tasks.noop", 1001)["result"]
    assert (kind, "at most 1000" in message) == ("ValueError", True)


def test_a_stop_in_the_middle_of_spawning_ends_the_task_and_tears_nothing(stack: Stack) -> None:
    for _ in range(3):
        log = stack.effect_log()
        task = stack.submit("spawn_for_ever", str(log))
        wait_until(lambda: _children(stack, task["id"]), timeout=20, what="it spawns")  # noqa: B023
        stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")
        done = stack.wait_for(task["id"], "revoked")
        attempts = stack.client.get(f"/api/v1/tasks/{task['id']}/attempts").json()
        assert (done["reason"], attempts[-1]["stopped_by"]) == ("cancelled", "soft")
        assert _children(stack, task["id"]) % 50 == 0


def _children(stack: Stack, task_id: str) -> int:
    counts: dict[str, Any] = stack.client.get(f"/api/v1/tasks/count?parent_id={task_id}").json()
    return int(counts["total"])


@pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)
def test_a_parent_shows_how_far_a_thousand_subtasks_are(stack: Stack) -> None:
    parent = stack.submit("split_and_join", list(range(1000)))["id"]
    joined = stack.wait_for(parent, "succeeded", timeout=60)["result"]["joined"]
    # A thousand come together in one, which has the results of all.
    assert stack.wait_for(joined, "succeeded", timeout=180)["result"] == sum(range(1000))
    at_rest = {
        "total": 1001, "pending": 0, "running": 0, "succeeded": 1001, "failed": 0, "revoked": 0,
        "progress": 100,
    }  # fmt: skip
    wait_until(lambda: stack.task(parent)["subtasks"] == at_rest, timeout=30, what="all are shown")


def test_untracked_it_does_nothing(stack: Stack) -> None:
    before = stack.client.get("/api/v1/tasks/count").json()["total"]
    for words, result in (
        (("split_and_join", "[1, 2]"), {"parts": [], "joined": None}),
        (("sum_of_parents",), 0),
        (("what_came_before",), []),
    ):
        out = stack.taskctl("run", f"tests.support.tasks.{words[0]}", *words[1:], "--json")
        assert json.loads(out) == result
    assert stack.client.get("/api/v1/tasks/count").json()["total"] == before
