"""G23: time limits per task, per submission and by default."""

from __future__ import annotations

from typing import Any

from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def _timed_out(task: dict[str, Any], seconds: float) -> None:
    assert task["status"] == "failed"
    assert task["reason"] == "timeout"
    assert task["error"]["type"] == "timeout"
    assert f"timed out after {seconds:.1f}s" in task["error"]["message"]
    assert task["celery_task_name"] in task["error"]["message"]


def test_g23_the_decorators_hard_limit(stack: Stack) -> None:
    _timed_out(stack.run("over_hard_limit"), 1)


def test_g23_the_submissions_hard_limit(stack: Stack) -> None:
    task = stack.run("sleep_for", 30, time_limit=1.5)
    _timed_out(task, 1.5)
    assert task["time_limit"] == 1.5
    assert stack.run("add", 1, 1)["result"] == 2


def test_g23_a_hard_limit_ends_a_loop_in_c(stack: Stack) -> None:
    _timed_out(stack.run("busy", str(stack.effect_log()), time_limit=1), 1)


def test_g23_the_decorators_soft_limit_raises_in_the_body(stack: Stack) -> None:
    _timed_out(stack.run("over_soft_limit"), 1)


def test_g23_the_submissions_soft_limit(stack: Stack) -> None:
    _timed_out(stack.run("sleep_for", 30, soft_time_limit=1), 1)


def test_g23_the_default_hard_limit(make_stack: MakeStack, sqlite_url: str) -> None:
    stack = make_stack(sqlite_url, TASK_TIME_LIMIT_SECONDS="1.5")
    _timed_out(stack.run("sleep_for", 30), 1.5)
    longer = stack.run("sleep_for", 2, time_limit=10)
    assert longer["status"] == "succeeded"


def test_g23_an_attempt_that_is_left_is_used_after_a_timeout(stack: Stack) -> None:
    task = stack.run("sleep_for", 30, time_limit=1, max_attempts=2)
    _timed_out(task, 1)
    assert (task["attempt"], task["tries"]) == (2, 2)
