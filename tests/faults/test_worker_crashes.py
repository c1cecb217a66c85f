"""Processes that die: a child, a parent, everything; and a worker that is asked to stop."""

from __future__ import annotations

import os
import signal
import time

import psutil

from tests.support.effects import EffectLog
from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack import Stack


def _started(stack: Stack, log: EffectLog, name: str, *args: object) -> str:
    task_id = str(stack.submit(name, *args)["id"])
    wait_until(lambda: log.phases(task_id), timeout=15, what="the body has begun")
    return task_id


def test_a_killed_child_is_settled_in_two_seconds(stack: Stack) -> None:
    log = stack.effect_log()
    neighbour = _started(stack, log, "sleep_for", 5, str(log))
    task_id = _started(stack, log, "sleep_for", 60, str(log))
    killed = time.monotonic()
    os.kill(log.of(task_id)[0].pid, signal.SIGKILL)
    task = stack.wait_for(task_id, "failed", timeout=5)
    assert time.monotonic() - killed < 2.5
    assert (task["reason"], task["error"]["type"]) == ("worker_lost", "worker_lost")
    assert stack.wait_for(neighbour)["attempt"] == 1
    assert len(log.of(neighbour, "start")) == 1


def test_a_retryable_task_of_a_killed_child_runs_again(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "sturdy_sleep", 2, str(log))
    os.kill(log.of(task_id)[0].pid, signal.SIGKILL)
    task = stack.wait_for(task_id, "succeeded", timeout=15)
    assert (task["attempt"], log.phases(task_id)) == (2, ["start", "start", "done"])


def test_a_task_that_kills_its_own_process_is_quarantined(stack: Stack) -> None:
    log = stack.effect_log()
    task = stack.run("kill_self_again", str(log), timeout=40)
    assert task["status"] == "failed"
    assert len(log.of(task["id"], "start")) <= 3
    assert stack.run("add", 1, 1)["result"] == 2


def test_a_task_that_kills_its_process_once_goes_on(stack: Stack) -> None:
    task = stack.run("kill_self_again", str(stack.effect_log()), 1)
    assert (task["status"], task["result"]) == ("succeeded", 2)


def _filled(main: psutil.Process, besides: set[psutil.Process]) -> set[psutil.Process]:
    """Its four pool processes, once every slot has one that is none of those."""

    def found() -> set[psutil.Process]:
        return set(main.children()) - besides

    wait_until(lambda: len(found()) == 4, timeout=3, what="every slot has a new process")
    return found()


def test_slots_whose_processes_died_are_filled_at_once(stack: Stack) -> None:
    stack.run("noop")
    main = psutil.Process(Machine(stack).parents[0])
    pool = _filled(main, besides=set())
    for _ in range(3):
        for process in pool:
            process.kill()
        # An end is looked for every 50 ms, and a process has begun within half a second. Celery by
        # itself finds the last of them by a timer of 5 s: after one such look the next is too late.
        assert stack.run("noop", timeout=3)["status"] == "succeeded"
        pool = _filled(main, besides=pool)


def test_a_killed_parent_is_replaced_and_its_tasks_are_judged(stack: Stack) -> None:
    log = stack.effect_log()
    sturdy = _started(stack, log, "sturdy_sleep", 2, str(log))
    fragile = _started(stack, log, "sleep_for", 60, str(log))
    for task_id in (fragile, sturdy):
        parent = psutil.Process(log.of(task_id)[0].pid).parent()
        assert parent is not None
        if parent.is_running():
            parent.kill()
    assert stack.wait_for(fragile, "failed", timeout=12)["reason"] == "worker_lost"
    assert stack.wait_for(sturdy, "succeeded", timeout=25)["attempt"] == 2
    assert stack.run("add", 1, 1)["result"] == 2


def test_a_whole_machine_that_dies_is_noticed_by_another(stack: Stack) -> None:
    log = stack.effect_log()
    fragile = _started(stack, log, "sleep_for", 60, str(log))
    sturdy = _started(stack, log, "sturdy_sleep", 1, str(log))
    doomed = stack.processes.pop("worker")
    everything = [psutil.Process(doomed.pid), *doomed.descendants()]
    stack.start_part("worker2")
    for process in everything:
        process.suspend()  # so that nobody has time to settle anything
    for process in everything:
        process.kill()
    doomed.wait(5)
    failed = stack.wait_for(fragile, "failed", timeout=20)
    assert failed["reason"] == "worker_lost"
    assert stack.wait_for(sturdy, "succeeded", timeout=25)["attempt"] == 2
    assert len(log.of(fragile, "start")) == 1


def test_no_process_outlives_a_killed_supervisor(stack: Stack) -> None:
    stack.run("noop")
    children = stack.processes["worker"].descendants()
    assert children
    stack.kill("worker")
    wait_until(
        lambda: not [c for c in children if c.is_running() and c.status() != "zombie"],
        timeout=10, what="the supervisor's processes are gone",
    )  # fmt: skip


def test_a_stopping_worker_lets_short_tasks_finish(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = _started(stack, log, "sleep_for", 1, str(log))
    assert stack.stop_part("worker", signal.SIGTERM, timeout=15) == 0
    assert stack.task(task_id)["status"] == "succeeded"
    assert log.phases(task_id) == ["start", "done"]


def test_a_stopping_worker_gives_long_tasks_back_by_their_policy(stack: Stack) -> None:
    log = stack.effect_log()
    fragile = _started(stack, log, "sleep_for", 60, str(log))
    sturdy = _started(stack, log, "sturdy_sleep", 5, str(log))
    started = time.monotonic()
    stack.stop_part("worker", signal.SIGTERM, timeout=20)
    assert time.monotonic() - started < 12  # DRAIN_SECONDS is 2
    failed = stack.wait_for(fragile, "failed", timeout=10)
    assert failed["reason"] == "interrupted"
    back = stack.task(sturdy)
    assert (back["status"], back["tries"]) == ("pending", 0)
    stack.start_part("worker")
    assert stack.wait_for(sturdy, "succeeded", timeout=30)["attempt"] == 2


def test_tasks_submitted_without_a_worker_wait_for_one(stack: Stack) -> None:
    stack.stop_part("worker")
    ids = [stack.submit("add", n, 1)["id"] for n in range(10)]
    assert {stack.task(task_id)["status"] for task_id in ids} == {"pending"}
    stack.start_part("worker")
    assert [stack.wait_for(i, "succeeded", timeout=30)["result"] for i in ids] == list(range(1, 11))
