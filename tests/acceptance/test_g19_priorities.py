"""G19: four priorities, strict within a queue; waiting counts; nothing overtakes CRITICAL."""

from __future__ import annotations

import time

from tests.support.effects import EffectLog
from tests.support.stack import Stack
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


def test_g19_the_order_is_that_of_priority_and_then_of_submission(
    make_stack: MakeStack, database_url: str
) -> None:
    stack = make_stack(database_url, worker_options=ONE_AT_A_TIME)
    log = stack.effect_log()
    _block(stack, 8)  # for as long as a slow machine needs to submit what follows
    priority_of = {}
    for priority in [LOW] * 8 + [CRITICAL] * 4 + [NORMAL] * 4 + [HIGH] * 4 + [LOW, CRITICAL] * 2:
        priority_of[stack.submit("effect", str(log), priority=priority)["id"]] = priority
    # sorted() keeps the order of equals, which is that of submission.
    wanted = sorted(priority_of, key=lambda task_id: -priority_of[task_id])
    assert _order(stack, log, list(priority_of)) == wanted


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
