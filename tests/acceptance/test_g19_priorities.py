"""G19: four priorities, strict within a queue; waiting counts; nothing overtakes CRITICAL."""

from __future__ import annotations

import time

import pytest

from tests.support.effects import EffectLog
from tests.support.stack import TASKS, Stack
from tests.support.stack_fixtures import MakeStack

LOW, NORMAL, HIGH, CRITICAL = 1, 2, 3, 4
ONE_AT_A_TIME = ("--concurrency", "1")


def _block(stack: Stack, seconds: float) -> str:
    """Occupy the only slot, so that what follows has to wait."""
    task_id = str(stack.submit("sleep_for", seconds, priority=CRITICAL)["id"])
    stack.wait_for(task_id, "running")
    return task_id


def _order(stack: Stack, log: EffectLog, ids: list[str]) -> list[str]:
    for task_id in ids:
        stack.wait_for(task_id, "succeeded", timeout=40)
    return [effect.task_id for effect in log.all()]


MIXED = [LOW] * 8 + [CRITICAL] * 4 + [NORMAL] * 4 + [HIGH] * 4 + [LOW, CRITICAL] * 2


def test_g19_the_order_is_that_of_priority_and_then_of_submission(
    make_stack: MakeStack, database_url: str
) -> None:
    # A window for all of them: one process hands them out, and none can pass another on the way.
    stack = make_stack(database_url, worker_options=ONE_AT_A_TIME, DISPATCH_WINDOW="30")
    log = stack.effect_log()
    _block(stack, 3)
    body = {"name": "n", "task_type": "t", "celery_task_name": f"{TASKS}effect", "args": [str(log)]}
    tasks = [{**body, "priority": priority} for priority in MIXED]
    answer = stack.client.post("/api/v1/tasks/bulk", json={"tasks": tasks})
    assert answer.status_code == 201, answer.text
    ids = answer.json()["ids"]
    priority_of = dict(zip(ids, MIXED, strict=True))
    # sorted() keeps the order of equals, which is that of submission.
    wanted = sorted(ids, key=lambda task_id: -priority_of[task_id])
    assert _order(stack, log, ids) == wanted


@pytest.mark.later
def test_g19_priorities_hold_for_what_is_submitted_one_by_one(
    make_stack: MakeStack, database_url: str
) -> None:
    stack = make_stack(database_url, worker_options=ONE_AT_A_TIME)
    log = stack.effect_log()
    _block(stack, 8)  # for as long as a slow machine needs to submit what follows
    priority_of = {}
    for priority in MIXED:
        priority_of[stack.submit("effect", str(log), priority=priority)["id"]] = priority
    order = [priority_of[task_id] for task_id in _order(stack, log, list(priority_of))]
    assert order == sorted(MIXED, reverse=True)


def test_g19_a_task_that_waited_overtakes_and_never_a_critical_one(
    make_stack: MakeStack, database_url: str
) -> None:
    stack = make_stack(
        database_url, worker_options=ONE_AT_A_TIME, AGEING_SECONDS="1", DISPATCH_WINDOW="1"
    )
    log = stack.effect_log()
    _block(stack, 4)
    others = [stack.submit("effect", str(log), "high", priority=HIGH)["id"]]
    waited = stack.submit("effect", str(log), "waited", priority=LOW)["id"]
    time.sleep(2.5)  # two levels of ageing
    late = [
        stack.submit("effect", str(log), phase, priority=priority)["id"]
        for phase, priority in (("normal", NORMAL), ("high", HIGH), ("critical", CRITICAL))
    ]
    _order(stack, log, [*others, waited, *late])
    phases = [effect.phase for effect in log.all()]
    assert phases.index("critical") == 0
    assert phases.index("waited") < phases.index("normal")


def test_g19_a_priority_outside_the_four_is_refused(stack: Stack) -> None:
    for priority in (0, 5, True, "2", 2.5):
        assert stack.post("noop", priority=priority).status_code == 422, priority
