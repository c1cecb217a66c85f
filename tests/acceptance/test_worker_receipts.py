"""A stop leaves a receipt: who asked when, when the attempt learned of it, how it ended."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import psutil

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

# Its third is when an exception is raised in the body.
GRACE_SECONDS = 3


def _started(stack: Stack, log: EffectLog, name: str, *args: object, **body: object) -> str:
    task_id = str(stack.submit(name, *args, **body)["id"])
    wait_until(lambda: log.phases(task_id), timeout=20, what="the body has begun")
    return task_id


def _receipt(stack: Stack, task_id: str) -> dict[str, Any]:
    answer = stack.client.get(f"/api/v1/tasks/{task_id}/attempts")
    assert answer.status_code == 200, answer.text
    attempt = dict(answer.json()[-1])
    for name in ("cancel_requested_at", "cancel_acknowledged_at", "stopped_at"):
        attempt[name] = attempt[name] and datetime.fromisoformat(attempt[name])
    return attempt


def _cancelled(stack: Stack, task_id: str) -> dict[str, Any]:
    assert stack.client.post(f"/api/v1/tasks/{task_id}/cancel").status_code == 202
    stack.wait_for(task_id, "revoked", timeout=15)
    return _receipt(stack, task_id)


def _seconds(receipt: dict[str, Any]) -> float:
    stopped, requested = receipt["stopped_at"], receipt["cancel_requested_at"]
    return float((stopped - requested).total_seconds())


def test_of_a_task_that_asks(stack: Stack) -> None:
    log = stack.effect_log()
    receipt = _cancelled(stack, _started(stack, log, "cancellable", 30, str(log)))
    assert receipt["stopped_by"] == "cooperative"
    order = ("cancel_requested_at", "cancel_acknowledged_at", "stopped_at")
    assert sorted(receipt[name] for name in order) == [receipt[name] for name in order]
    assert _seconds(receipt) < GRACE_SECONDS


def test_of_a_task_in_which_an_exception_was_raised(stack: Stack) -> None:
    log = stack.effect_log()
    receipt = _cancelled(stack, _started(stack, log, "sleep_for", 30, str(log)))
    assert receipt["stopped_by"] == "soft"
    assert receipt["cancel_acknowledged_at"] < receipt["stopped_at"]


def test_of_a_task_that_could_not_listen(stack: Stack) -> None:
    log = stack.effect_log()
    receipt = _cancelled(stack, _started(stack, log, "busy", str(log)))
    assert receipt["stopped_by"] == "forced"
    assert GRACE_SECONDS <= _seconds(receipt) < GRACE_SECONDS + 3


def test_of_a_task_that_was_never_to_stop(stack: Stack) -> None:
    receipt = _receipt(stack, stack.run("add", 1, 1)["id"])
    assert receipt["outcome"] == "succeeded"
    assert [receipt[name] for name in receipt if "stopped" in name or "cancel" in name] == [
        None
    ] * 4


def test_programs_that_a_task_has_started_end_with_it(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "shell_out", str(log))
    program = next(iter(psutil.Process(log.of(task_id)[0].pid).children()))
    _cancelled(stack, task_id)
    wait_until(lambda: not psutil.pid_exists(program.pid), timeout=5, what="the program is gone")


def test_hard_limits_and_deaths_on_threads(make_stack: MakeStack, sqlite_url: str) -> None:
    stack = make_stack(sqlite_url, worker_options=("--pool", "threads", "--concurrency", "4"))
    log = stack.effect_log()
    spinning = _started(stack, log, "spin", str(log), time_limit=1)
    timed_out = stack.wait_for(spinning, "failed", timeout=10)
    assert timed_out["reason"] == "timeout"
    assert "timed out after 1.0s" in timed_out["error"]["message"]
    neighbour = _started(stack, log, "sturdy_sleep", 4, str(log))
    time.sleep(1)  # the younger of two is suspected first, so it must be clearly younger
    poison = _started(stack, log, "kill_self_again", str(log))
    ended = stack.wait_for(poison, "failed", timeout=60)
    assert ended["reason"] == "quarantined"
    assert len(log.of(poison, "start")) <= 3
    spared = stack.wait_for(neighbour, "succeeded", timeout=60)
    assert spared["tries"] == 1
    assert spared["attempt"] <= 3
