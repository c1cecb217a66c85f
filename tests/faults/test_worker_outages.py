"""The broker is away or forgets; the API restarts."""

from __future__ import annotations

import os
import signal
import time

import psutil

from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack import Stack


def _health(stack: Stack) -> tuple[int, str]:
    answer = stack.client.get("/health/ready")
    return answer.status_code, answer.json()["status"]


def test_submissions_are_accepted_while_the_broker_is_down(stack: Stack) -> None:
    stack.run("noop")
    stack.broker.kill()
    try:
        ids, times = [], []
        for number in range(20):
            started = time.monotonic()
            ids.append(stack.submit("add", number, 1)["id"])
            times.append(time.monotonic() - started)
        assert sorted(times)[18] < 1
        # The answer may be a second old.
        wait_until(lambda: _health(stack) == (200, "degraded"), timeout=5, what="it is said")
    finally:
        stack.broker.start()
    results = [stack.wait_for(i, "succeeded", timeout=40)["result"] for i in ids]
    assert results == list(range(1, 21))


def test_running_tasks_go_on_while_the_broker_is_down(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.submit("sleep_for", 5, str(log))
    stack.wait_for(task["id"], "running")
    stack.broker.kill()
    time.sleep(1)  # how long it is down
    stack.broker.start()
    done = stack.wait_for(task["id"], "succeeded", timeout=20)
    assert (done["attempt"], log.phases(task["id"])) == (1, ["start", "done"])


def test_a_broker_that_forgets_everything_costs_nothing(stack: Stack) -> None:
    log = stack.effect_log()
    blockers = [stack.submit("sleep_for", 2)["id"] for _ in range(4)]
    for task_id in blockers:
        stack.wait_for(task_id, "running")
    ids = [stack.submit("effect", str(log))["id"] for _ in range(40)]
    stack.broker.kill()
    stack.broker.empty()
    stack.broker.start()
    for task_id in [*blockers, *ids]:
        assert stack.wait_for(task_id, timeout=40)["attempt"] == 1
    assert sorted(effect.task_id for effect in log.all()) == sorted(ids)


def test_a_child_that_begins_as_the_broker_goes_away_is_not_ended_for_it(stack: Stack) -> None:
    """Its main process cannot hear that it is there while it waits for the broker."""
    stack.run("noop")
    main = psutil.Process(Machine(stack).parents[0])
    before = main.children()
    os.kill(before[0].pid, signal.SIGKILL)
    wait_until(
        lambda: set(main.children()) - set(before),
        timeout=10, what="another child begins", every=0.001,
    )  # fmt: skip
    stack.broker.kill()
    time.sleep(6)  # longer than Celery waits for a child to say that it is there
    begun = set(main.children())
    stack.broker.start()
    stack.run("noop", timeout=40)
    time.sleep(2)  # in which it would be ended
    assert begun == set(main.children())


def test_a_cancel_holds_while_the_broker_is_down(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.submit("cancellable", 60, str(log))
    stack.wait_for(task["id"], "running")
    stack.broker.kill()
    try:
        assert stack.client.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 202
        stack.wait_for(task["id"], "revoked", timeout=15)
    finally:
        stack.broker.start()


def test_tasks_go_on_while_the_api_is_away(stack: Stack) -> None:
    ids = [stack.submit("sleep_for", 0.2)["id"] for _ in range(12)]
    stack.kill("api")
    time.sleep(1)  # how long it is away
    stack.start_part("api")
    stack.wait_ready()
    for task_id in ids:
        assert stack.wait_for(task_id)["status"] == "succeeded"
