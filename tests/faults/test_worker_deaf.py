"""A worker that is connected and takes nothing is noticed and replaced."""

from __future__ import annotations

from tests.support.machine import Machine
from tests.support.monitor import monitor
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack


def _deafen(stack: Stack) -> None:
    with monitor(stack) as app:
        answers = app.control.cancel_consumer("default", reply=True, timeout=3)
    assert [next(iter(answer.values())) for answer in answers or ()] == [
        {"ok": "no longer consuming from default"}
    ]


def test_a_deaf_worker_is_replaced_and_finishes_what_it_runs(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url)
    stack.run("noop")
    log = stack.effect_log()
    running = stack.submit("sleep_for", 25, str(log))["id"]
    wait_until(lambda: log.phases(running), timeout=15, what="the body has begun")
    machine = Machine(stack)
    (old,) = machine.parents
    _deafen(stack)
    waiting = [stack.submit("add", number, 1)["id"] for number in range(3)]
    for number, task_id in enumerate(waiting):
        done = stack.wait_for(task_id, "succeeded", timeout=40)
        assert done["result"] == number + 1
    output = machine.process.text()
    assert "worker_deaf" in output
    assert "worker_replaced" in output
    # What it ran was not hurried: DRAIN_SECONDS is 2.
    done = stack.wait_for(running, "succeeded", timeout=30)
    assert (done["attempt"], log.phases(running)) == (1, ["start", "done"])
    wait_until(lambda: old not in machine.parents, timeout=20, what="the old one has ended")
    assert len(machine.parents) == 1


def test_a_worker_that_takes_what_it_cannot_run_is_left_alone(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    stack = make_stack(sqlite_url)
    stack.run("noop")
    machine = Machine(stack)
    (before,) = machine.parents
    with monitor(stack) as app:
        for number in range(600):
            app.send_task(
                "nobody.has_this", [number], queue="default", priority=6, ignore_result=True
            )
    assert stack.run("add", 1, 1, timeout=30)["result"] == 2
    assert machine.parents == [before]
    assert "worker_deaf" not in machine.process.text()
