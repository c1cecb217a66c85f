"""Why a task is not running: staged on real processes, named in order, and cured as it is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.stack import ADMIN, Stack
from tests.support.stack import TASKS as FUNCTIONS

# The statements are tested on both kinds of database.
pytestmark = pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)

TASKS = "/api/v1/tasks"


def reasons(stack: Stack, task_id: str) -> list[dict[str, Any]]:
    """Why the task is not running."""
    answer = stack.client.get(f"{TASKS}/{task_id}/explain")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["reasons"]
    return found


def wait_for_reasons(stack: Stack, task_id: str, *codes: str) -> dict[str, dict[str, Any]]:
    """Wait until exactly these are named, in this order; what each is about."""
    found: list[dict[str, Any]] = []

    def named() -> bool:
        found[:] = reasons(stack, task_id)
        return [each["code"] for each in found] == list(codes)

    try:
        wait_until(named, timeout=30, what=f"the reasons are {codes}", every=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}; they are {found}") from None
    return {each["code"]: each["data"] for each in found}


def begin_now(stack: Stack, task_id: str) -> None:
    """Bring a task forward, as the cure says."""
    earlier = {"scheduled_at": stack.task(task_id)["created_at"]}
    assert stack.client.patch(f"{TASKS}/{task_id}", json=earlier).status_code == 200


def turn_queue(stack: Stack, verb: str, queue: str) -> None:
    """Pause or resume a queue."""
    assert stack.client.post(f"/api/v1/queues/{queue}/{verb}").status_code == 200


@dataclass(frozen=True)
class Staged:
    """A task that does not start, why, something that is told, and what takes the first away."""

    task_id: str
    codes: Sequence[str]
    told: dict[str, Any]
    cure: Callable[[], object]


def _needs_another(stack: Stack) -> Staged:
    root = stack.submit("noop", name="root", countdown=3600)["id"]
    task_id = stack.submit("noop", depends_on=[root])["id"]
    told = {"total": 1, "tasks": [{"id": root, "name": "root", "status": "pending"}]}
    return Staged(task_id, ["waits_for_tasks"], told, lambda: begin_now(stack, root))


def _scheduled(stack: Stack) -> Staged:
    task = stack.submit("noop", scheduled_at="2100-01-01T00:00:00Z")
    told = {"until": task["scheduled_at"]}
    return Staged(task["id"], ["scheduled"], told, lambda: begin_now(stack, task["id"]))


def _retried(stack: Stack) -> Staged:
    task_id = stack.submit("retry_then_succeed", 1, 3600)["id"]
    told = {"attempt": 1, "reason": "retry", "error_message": "once more"}
    return Staged(task_id, ["waits_for_retry"], told, lambda: begin_now(stack, task_id))


def _paused(stack: Stack) -> Staged:
    turn_queue(stack, "pause", "lane")
    task_id = stack.submit("in_lane", 1)["id"]
    told = {"queue": "lane", "paused_by": ADMIN}
    return Staged(task_id, ["queue_paused"], told, lambda: turn_queue(stack, "resume", "lane"))


def _limited(stack: Stack) -> Staged:
    limit = f"/api/v1/limits/task/{FUNCTIONS}add"
    assert stack.client.put(limit, json={"concurrency": 0}).status_code == 200
    task_id = stack.submit("add", 1, 2)["id"]
    full = {
        "kind": "task", "name": f"{FUNCTIONS}add", "counted": f"{FUNCTIONS}add", "used": 0,
        "allowed": 0, "rate": None, "free_in_seconds": None,
    }  # fmt: skip
    return Staged(
        task_id, ["limit_reached"], {"limits": [full]}, lambda: stack.client.delete(limit)
    )


def _all_slots_busy(stack: Stack) -> Staged:
    cure = _fill(stack)
    codes = ["slots_busy", "handed_out"]
    return Staged(stack.submit("noop")["id"], codes, {"slots": 4, "busy": 4}, cure)


def _behind_others(stack: Stack) -> Staged:
    cure = _fill(stack)
    stack.submit("noop", priority=3)
    stack.submit("noop")
    wait_until(lambda: _handed_out(stack) == 2, timeout=20, what="both are in the broker")
    codes = ["slots_busy", "tasks_ahead", "handed_out"]
    return Staged(stack.submit("noop")["id"], codes, {"slots": 4, "busy": 4}, cure)


def _fill(stack: Stack) -> Callable[[], object]:
    """Have all slots taken; returns what frees them."""
    log = str(stack.effect_log())
    ids = [stack.submit("cancellable", 3600, log)["id"] for _ in range(4)]
    for each in ids:
        stack.wait_for(each, "running")
    return lambda: [stack.client.post(f"{TASKS}/{each}/cancel") for each in ids]


def _handed_out(stack: Stack) -> int:
    return int(stack.client.get("/api/v1/queues/default").json()["dispatched"])


@pytest.mark.parametrize(
    "stage",
    [_needs_another, _scheduled, _retried, _paused, _limited, _all_slots_busy, _behind_others],
)
def test_what_is_named_first_is_what_keeps_it(
    stack: Stack, stage: Callable[[Stack], Staged]
) -> None:
    staged = stage(stack)
    found = wait_for_reasons(stack, staged.task_id, *staged.codes)
    first = found[staged.codes[0]]
    assert {name: first[name] for name in staged.told} == staged.told
    if "tasks_ahead" in found:
        assert found["tasks_ahead"]["ahead"] == 2
    staged.cure()
    assert stack.wait_for(staged.task_id)["status"] == "succeeded"


def test_one_that_runs_stops_and_has_ended_says_so(stack: Stack) -> None:
    task_id = stack.submit("stubborn", 3600, str(stack.effect_log()))["id"]
    stack.wait_for(task_id, "running")
    told = wait_for_reasons(stack, task_id, "running")["running"]
    assert (told["worker"], told["attempt"]) == (stack.task(task_id)["worker"], 1)
    assert stack.client.post(f"{TASKS}/{task_id}/cancel").status_code == 202
    wait_for_reasons(stack, task_id, "cancel_requested", "running")
    stack.wait_for(task_id, "revoked")
    told = wait_for_reasons(stack, task_id, "finished")["finished"]
    assert told["reason"] == "cancelled"


def test_all_that_hold_at_once_are_named_and_go_in_that_order(stack: Stack) -> None:
    task_id = stack.submit("add", 3, 4, scheduled_at="2100-01-01T00:00:00Z")["id"]
    turn_queue(stack, "pause", "default")
    stack.stop_part("worker")
    stack.start_part("worker", TASK_MODULES="")
    wait_for_reasons(stack, task_id, "scheduled", "queue_paused", "function_unknown")
    ready = stack.client.get("/health/ready").json()
    assert "know other functions" in ready["checks"]["workers"]["detail"]
    stack.stop_part("worker")
    wait_for_reasons(stack, task_id, "scheduled", "queue_paused", "queue_not_served")
    stack.broker.kill()
    wait_for_reasons(
        stack, task_id, "scheduled", "queue_paused", "broker_unreachable", "queue_not_served"
    )
    begin_now(stack, task_id)
    wait_for_reasons(stack, task_id, "queue_paused", "broker_unreachable", "queue_not_served")
    turn_queue(stack, "resume", "default")
    wait_for_reasons(stack, task_id, "broker_unreachable", "queue_not_served")
    stack.broker.start()
    wait_for_reasons(stack, task_id, "queue_not_served")
    stack.start_part("worker")
    assert stack.wait_for(task_id, timeout=60)["result"] == 7
