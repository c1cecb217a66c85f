"""The burst lane with real workers: as fast as it goes, and every row still its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import Stack


@contextmanager
def gathered(stack: Stack) -> Iterator[None]:
    """What is submitted meanwhile waits, so that it leaves in few messages."""
    assert stack.client.post("/api/v1/queues/default/pause").status_code == 200
    try:
        yield
    finally:
        assert stack.client.post("/api/v1/queues/default/resume").status_code == 200


def submit(
    stack: Stack, log: EffectLog, *whats: str, seconds: float = 0.0, **body: Any
) -> list[str]:
    """Tasks of the lane, one for each word of what goes wrong with it."""
    made = [stack.submit("burst_step", str(log), what, seconds, **body) for what in whats]
    return [str(task["id"]) for task in made]


def ended(stack: Stack, ids: list[str], timeout: float = 40) -> list[dict[str, Any]]:
    return [stack.wait_for(task_id, timeout=timeout) for task_id in ids]


def test_many_rows_run_once_each_with_their_history(stack: Stack) -> None:
    log = stack.effect_log()
    with gathered(stack):
        ids = submit(stack, log, *["fine"] * 60, "progress", "raise once")
    tasks = ended(stack, ids)
    assert {task["status"] for task in tasks} == {"succeeded"}
    assert [task["attempt"] for task in tasks] == [1] * 61 + [2]
    assert sum(effect.phase == "done" for effect in log.all()) == 62
    lines = stack.client.get(f"/api/v1/tasks/{ids[-2]}/logs").json()
    assert [line["message"] for line in lines] == ["a line"]
    attempts = stack.client.get(f"/api/v1/tasks/{ids[-1]}/attempts").json()
    assert [each["outcome"] for each in attempts] == ["retry", "succeeded"]


def test_a_death_is_charged_to_the_row_that_ran(stack: Stack) -> None:
    log = stack.effect_log()
    with gathered(stack):
        ids = submit(stack, log, *["fine"] * 10, "die", *["fine"] * 10)
    tasks = ended(stack, ids, timeout=60)
    poison = tasks.pop(10)
    assert (poison["status"], poison["reason"]) == ("failed", "quarantined")
    assert len(log.of(poison["id"], "start")) == 3
    assert {task["status"] for task in tasks} == {"succeeded"}
    # Before it in its message: run and not settled yet. Behind it: never begun, and not counted.
    assert max(task["attempt"] for task in tasks) <= 4
    assert all(task["tries"] == 1 for task in tasks)


def test_a_slow_row_is_ended_by_its_own_limit_and_keeps_nobody(stack: Stack) -> None:
    log = stack.effect_log()
    with gathered(stack):
        first = submit(stack, log, *["fine"] * 5)
        slow = submit(stack, log, "fine", seconds=60, time_limit=3.0, max_attempts=2)
        rest = submit(stack, log, *["fine"] * 5)
    assert {task["attempt"] for task in ended(stack, first + rest, timeout=10)} == {1}
    (task,) = ended(stack, slow)
    assert (task["status"], task["error"]["type"], task["attempt"]) == ("failed", "timeout", 2)


def test_a_running_row_is_cancelled_and_the_others_run(stack: Stack) -> None:
    log = stack.effect_log()
    with gathered(stack):
        (victim,) = submit(stack, log, "fine", seconds=60)
        others = submit(stack, log, *["fine"] * 5)
    wait_until(lambda: log.phases(victim), timeout=15, what="the body has begun")
    assert stack.client.post(f"/api/v1/tasks/{victim}/cancel").status_code == 202
    assert stack.wait_for(victim, "revoked", timeout=20)["attempt"] == 1
    assert {task["status"] for task in ended(stack, others)} == {"succeeded"}
    assert log.phases(victim) == ["start"]
