"""Stopping a running task: by asking, by a signal, by force."""

from __future__ import annotations

import time

import pytest

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def _started(stack: Stack, log: EffectLog, name: str, *args: object, **body: object) -> str:
    task_id = str(stack.submit(name, *args, **body)["id"])
    wait_until(lambda: log.phases(task_id), timeout=15, what="the body has begun")
    return task_id


def _cancel(stack: Stack, task_id: str) -> None:
    answer = stack.client.post(f"/api/v1/tasks/{task_id}/cancel")
    assert answer.status_code == 202, answer.text


def test_a_task_that_asks_stops_at_once(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "cancellable", 30, str(log))
    asked = time.monotonic()
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked")
    assert time.monotonic() - asked < 2
    assert log.phases(task_id) == ["start", "finally"]


def test_a_task_that_does_not_ask_is_interrupted_by_a_signal(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "sleep_for", 30, str(log))
    asked = time.monotonic()
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked")
    assert time.monotonic() - asked < 5
    assert log.phases(task_id) == ["start"]


def test_a_task_that_swallows_everything_is_killed_after_the_grace(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "stubborn", 60, str(log))
    neighbour = stack.submit("sleep_for", 5)["id"]
    asked = time.monotonic()
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked", timeout=15)
    assert time.monotonic() - asked >= 2.5  # CANCEL_GRACE_SECONDS is 3
    effects = log.of(task_id)
    assert "done" not in log.phases(task_id)
    time.sleep(1)  # in which nothing of it may run
    assert len(log.of(task_id)) == len(effects)
    assert stack.wait_for(neighbour)["status"] == "succeeded"
    assert stack.task(neighbour)["attempt"] == 1


def test_a_loop_in_c_is_killed_after_the_grace(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "busy", str(log))
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked", timeout=15)
    assert stack.run("add", 1, 1)["result"] == 2


def test_a_cancelled_task_is_not_retried(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "sturdy_sleep", 30, str(log))
    _cancel(stack, task_id)
    done = stack.wait_for(task_id, "revoked", timeout=10)
    assert done["attempt"] == 1


def test_cancels_at_the_moment_of_the_start_end_well(stack: Stack) -> None:
    log = stack.effect_log()
    ids = [stack.submit("effect", str(log))["id"] for _ in range(30)]
    answers = {i: stack.client.post(f"/api/v1/tasks/{i}/cancel").status_code for i in ids}
    for task_id, code in answers.items():
        task = stack.wait_for(task_id, ("succeeded", "revoked"))
        if code == 200:
            assert (task["status"], log.of(task_id)) == ("revoked", [])
        if code == 409:
            assert task["status"] == "succeeded"


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_cancelling_in_other_pools(make_stack: MakeStack, sqlite_url: str, pool: str) -> None:
    stack = make_stack(sqlite_url, worker_options=("--pool", pool, "--concurrency", "2"))
    log = stack.effect_log()
    task_id = _started(stack, log, "cancellable", 30, str(log))
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked", timeout=8)
    assert log.phases(task_id) == ["start", "finally"]
    assert stack.run("add", 1, 1)["result"] == 2


def test_solo_is_ended_by_force_and_comes_back(make_stack: MakeStack, sqlite_url: str) -> None:
    stack = make_stack(sqlite_url, worker_options=("--pool", "solo"))
    log = stack.effect_log()
    task_id = _started(stack, log, "stubborn", 60, str(log))
    _cancel(stack, task_id)
    stack.wait_for(task_id, "revoked", timeout=15)
    assert stack.run("add", 1, 1, timeout=30)["result"] == 2
