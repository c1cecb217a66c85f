"""Parts of a worker that freeze, or die, and come back: nobody alive loses anything."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from tests.support.effects import EffectLog
from tests.support.machine import Machine, freeze, thaw
from tests.support.processes import wait_until
from tests.support.stack import Stack

LEASE = 3.0
# What freezes here is the same on either database; scenarios do it on both (R26, R35, L02).
pytestmark = pytest.mark.parametrize("shared_stack", ["postgresql"], indirect=True)


def _started(stack: Stack, log: EffectLog, name: str, *args: object, **body: object) -> str:
    task_id = str(stack.submit(name, *args, **body)["id"])
    wait_until(lambda: log.phases(task_id), timeout=15, what="the body has begun")
    return task_id


def _holder(stack: Stack, log: EffectLog, task_id: str) -> Machine:
    """The machine on which a task's first attempt runs."""
    pid = log.of(task_id)[0].pid
    machines = [Machine(stack, name) for name in stack.processes if name.startswith("worker")]
    (found,) = [machine for machine in machines if pid in machine.everything]
    return found


def test_a_killed_agent_costs_no_attempt(stack: Stack) -> None:
    stack.start_part("worker2")
    wait_until(lambda: len(stack.live_workers()) == 2, timeout=30, what="two workers")
    log = stack.effect_log()
    task_id = _started(stack, log, "sleep_for", 9, str(log))
    os.kill(_holder(stack, log, task_id).agent, signal.SIGKILL)
    assert stack.wait_for(task_id, "succeeded", timeout=20)["attempt"] == 1
    assert log.phases(task_id) == ["start", "done"]


def test_a_frozen_agent_is_replaced_and_costs_no_attempt(stack: Stack) -> None:
    stack.start_part("worker2")
    wait_until(lambda: len(stack.live_workers()) == 2, timeout=30, what="two workers")
    log = stack.effect_log()
    task_id = _started(stack, log, "sleep_for", 9, str(log))
    machine = _holder(stack, log, task_id)
    frozen = machine.agent
    freeze([frozen])
    began = time.monotonic()
    wait_until(lambda: frozen not in machine.everything, timeout=10, what="the agent is replaced")
    # A third of the lease, and the time in which the keeper looks.
    assert time.monotonic() - began < LEASE / 3 + 1.5
    assert stack.wait_for(task_id, "succeeded", timeout=20)["attempt"] == 1
    assert log.phases(task_id) == ["start", "done"]


def test_a_new_agent_stops_what_the_old_one_was_told_to_stop(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "sleep_for", 60, str(log))
    os.kill(Machine(stack).agent, signal.SIGKILL)
    assert stack.client.post(f"/api/v1/tasks/{task_id}/cancel").status_code == 202
    stack.wait_for(task_id, "revoked", timeout=15)


def test_children_of_a_frozen_parent_stop_when_their_tasks_went_elsewhere(stack: Stack) -> None:
    log = stack.effect_log()
    stack.run("noop")
    taken = _started(stack, log, "sturdy_sleep", 30, str(log))
    stubborn = _started(stack, log, "stubborn", 30, str(log), max_attempts=3)
    machine = Machine(stack)
    parents = machine.parents
    freeze(parents)
    try:
        stack.start_part("worker2")
        for task_id in (taken, stubborn):
            wait_until(
                lambda t=task_id: len(log.of(t, "start")) == 2,  # type: ignore[misc]
                timeout=30, what="another worker runs it",
            )  # fmt: skip
        # Told softly first; a body that does not listen is ended by force after the grace.
        (listening, deaf) = (log.of(task_id)[0].pid for task_id in (taken, stubborn))
        wait_until(lambda: _refused(machine, taken), timeout=10, what="the first body has stopped")
        assert _lives(listening)
        wait_until(lambda: not _lives(deaf), timeout=10, what="the other's process has ended")
        assert "attempt_lost" in machine.process.text()
    finally:
        thaw(parents)
    for task_id in (taken, stubborn):
        history = stack.client.get(f"/api/v1/tasks/{task_id}/attempts").json()
        assert history[0]["outcome"] == "worker_lost", history
        stack.client.post(f"/api/v1/tasks/{task_id}/cancel")
        stack.wait_for(task_id, "revoked", timeout=20)


def _refused(machine: Machine, task_id: str) -> bool:
    """Whether an attempt of the task ended on this machine without a say in its outcome."""
    lines = machine.process.text().splitlines()
    return any("settlement_refused" in line and task_id in line for line in lines)


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def test_a_frozen_machine_loses_its_claims_and_goes_on_with_new_work(stack: Stack) -> None:
    log = stack.effect_log()
    sturdy = _started(stack, log, "sturdy_sleep", 90, str(log))
    fragile = _started(stack, log, "sleep_for", 8, str(log))
    machine = Machine(stack)
    frozen = machine.everything
    freeze(frozen)
    try:
        stack.start_part("worker2")
        failed = stack.wait_for(fragile, "failed", timeout=30)
        assert failed["reason"] == "worker_lost"
        wait_until(
            lambda: len(log.of(sturdy, "start")) == 2, timeout=30, what="another one runs it"
        )
        time.sleep(LEASE)  # how long it stays frozen beside that
    finally:
        thaw(frozen)
    stack.stop_part("worker2")  # its attempt goes back; new work is for the thawed machine
    assert stack.run("add", 20, 22, timeout=15)["result"] == 42
    wait_until(lambda: _refused(machine, sturdy), timeout=15, what="the lost body has stopped")
    # This one ended on its own when it was thawed. Its result came too late.
    wait_until(lambda: _refused(machine, fragile), timeout=15, what="a late result was refused")
    late = stack.task(fragile)
    assert (late["status"], late["reason"], late["result"]) == ("failed", "worker_lost", None)
    wait_until(lambda: len(log.of(sturdy, "start")) == 3, timeout=20, what="it runs here again")
    history = stack.client.get(f"/api/v1/tasks/{sturdy}/attempts").json()
    assert [each["outcome"] for each in history[:2]] == ["worker_lost", "interrupted"], history
    stack.client.post(f"/api/v1/tasks/{sturdy}/cancel")
    stack.wait_for(sturdy, "revoked", timeout=15)
    assert log.of(sturdy, "done") == []


def test_a_whole_system_that_slept_fails_nobody(stack: Stack) -> None:
    """Everything but the database stands still for two leases, as on a laptop's sleep."""
    stack.start_part("worker2")
    wait_until(lambda: len(stack.live_workers()) == 2, timeout=30, what="two workers")
    log = stack.effect_log()
    ids = [_started(stack, log, "sleep_for", 3, str(log)) for _ in range(6)]
    machines = [Machine(stack), Machine(stack, "worker2")]
    everything = [pid for machine in machines for pid in machine.everything]
    freeze(everything)
    time.sleep(2 * LEASE)  # the sleep
    thaw(everything)
    for task_id in ids:
        assert stack.wait_for(task_id, "succeeded", timeout=20)["attempt"] == 1
        assert log.phases(task_id) == ["start", "done"]
