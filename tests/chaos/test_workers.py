"""Processes of a worker die; what ran is judged once, and everything else runs elsewhere."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import Any

import psutil
import pytest

from tests.support.chaos.scenario import Scenario
from tests.support.effects import Effect

LEASE_SECONDS = 3.0
TASKS = 40
SECONDS = 1.5


def _under_way(chaos: Scenario, pids: list[int] | None = None) -> list[Effect]:
    """Starts without a `done` yet, of these processes or of all."""
    effects = chaos.effects.all()
    ended = {(e.task_id, e.attempt) for e in effects if e.phase == "done"}
    return [
        e
        for e in effects
        if e.phase == "start"
        and (e.task_id, e.attempt) not in ended
        and (pids is None or e.pid in pids)
    ]


def _ended_at(task: dict[str, Any]) -> float:
    return datetime.fromisoformat(task["completed_at"]).timestamp()


def _kill_a_parent_under_load(chaos: Scenario, **body: Any) -> tuple[float, set[str]]:
    """40 tasks on two workers; the first one's parent dies. When, and what it was running."""
    chaos.start("api", "worker", "worker2")
    chaos.submit_many(TASKS, "short", chaos.log, SECONDS, **body)
    pids = chaos.worker_pids("worker")
    chaos.wait(lambda: len(_under_way(chaos, pids["children"])) >= 3, 20, "three attempts run")
    time.sleep(chaos.random.uniform(0, SECONDS))  # any moment
    chaos.kill(pids["parent"])
    killed = time.time()
    # Its children have died with it, so what they have not written by now they never will.
    return killed, {effect.task_id for effect in _under_way(chaos, pids["children"])}


@pytest.mark.scenario("R01", quick=True)
def test_a_killed_parent_costs_only_what_was_in_flight(chaos: Scenario) -> None:
    killed, in_flight = _kill_a_parent_under_load(chaos)
    tasks = chaos.finish()
    assert len(tasks) == TASKS
    failed = {task_id for task_id, task in tasks.items() if task["status"] == "failed"}
    # An attempt may have been done, or not begun its body, in the very moment of the kill.
    assert in_flight <= failed | {e.task_id for e in chaos.effects.all() if e.phase == "done"}
    assert len(failed) <= 4
    for task_id in failed:
        task = tasks[task_id]
        assert task["reason"] == task["error"]["type"] == "worker_lost"
        assert _ended_at(task) - killed <= LEASE_SECONDS + 5
    assert {task["status"] for task in tasks.values()} <= {"failed", "succeeded"}


@pytest.mark.scenario("R02")
def test_a_killed_parent_costs_retryable_tasks_nothing(chaos: Scenario) -> None:
    _kill_a_parent_under_load(chaos, max_attempts=3)
    tasks = chaos.finish()
    assert len(tasks) == TASKS
    assert {task["status"] for task in tasks.values()} == {"succeeded"}


@pytest.mark.scenario("R03", quick=True)
def test_a_killed_child_is_settled_at_once_and_its_neighbours_go_on(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    chaos.submit_many(12, "short", chaos.log, 4)
    chaos.wait(lambda: len(_under_way(chaos)) >= 4, 20, "all slots are taken")
    time.sleep(chaos.random.uniform(0.2, 2))  # any moment
    victim = chaos.random.choice(_under_way(chaos))
    killed = time.time()
    chaos.kill(victim.pid)
    tasks = chaos.finish()
    lost = tasks.pop(victim.task_id)
    assert (lost["status"], lost["reason"]) == ("failed", "worker_lost")
    assert _ended_at(lost) - killed < 2
    assert {(task["status"], task["attempt"]) for task in tasks.values()} == {("succeeded", 1)}


@pytest.mark.scenario("L07")
def test_one_main_process_of_two_is_hurt_again_and_again(chaos: Scenario) -> None:
    """Killed, or frozen with its children for two leases; the other one goes on untouched."""
    chaos.start("api", "worker", worker_processes=2)
    again = chaos.submit_many(40, "retryable", chaos.log, SECONDS, max_attempts=9)
    once = chaos.submit_many(40, "short", chaos.log, SECONDS)
    hurt: set[int] = set()
    for number in range(4):
        pids = chaos.worker_pids()
        victim = chaos.random.choice(pids["parents"])
        own = [child.pid for child in psutil.Process(victim).children()]
        chaos.wait(partial(_under_way, chaos, own), 30, "it runs something")
        time.sleep(chaos.random.uniform(0, SECONDS))
        hurt |= set(own)
        if number % 2:
            chaos.kill(victim)
            continue
        chaos.freeze(victim, *own)
        time.sleep(2 * LEASE_SECONDS)
        chaos.thaw()
    tasks = chaos.finish()
    assert {tasks[each]["status"] for each in again} == {"succeeded"}
    failed = [each for each in once if tasks[each]["status"] == "failed"]
    assert {tasks[each]["reason"] for each in failed} <= {"worker_lost"}
    assert all(chaos.effects.of(each)[0].pid in hurt for each in failed)
    # Of each that was hurt not more than it ran: two slots, four times.
    assert len(failed) <= 8
    for task_id in set(again) | set(once):
        starts = chaos.effects.of(task_id, "start")
        assert all(start.pid in hurt for start in starts[:-1])


@pytest.mark.scenario("R22")
def test_a_task_that_kills_its_process_is_quarantined(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    neighbours = chaos.submit_many(20, "retryable", chaos.log, 1, max_attempts=5)
    delay = chaos.random.uniform(0, 0.5)
    poison = chaos.submit("kills_itself", chaos.log, delay, max_attempts=10)
    assert poison is not None
    neighbours += chaos.submit_many(20, "retryable", chaos.log, 1, max_attempts=5)
    tasks = chaos.finish()
    assert tasks[poison]["status"] == "failed"
    assert len(chaos.effects.of(poison, "start")) <= 3
    for task_id in neighbours:
        assert tasks[task_id]["status"] == "succeeded"
        assert len(chaos.effects.of(task_id, "start")) <= 2


@pytest.mark.scenario("L08")
def test_kills_in_the_burst_lane_cost_no_row(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2")
    chaos.submit_many(800, "burst_short", chaos.log, 0.005, max_attempts=10)
    chaos.wait(lambda: len(chaos.effects.all()) >= 50, 30, "rows run")
    for round_ in range(6):
        part = chaos.random.choice(("worker", "worker2"))
        pids = chaos.worker_pids(part)
        child = chaos.random.choice(pids["children"])
        chaos.kill((child, pids["parent"], pids["agent"])[round_ % 3])
        time.sleep(chaos.random.uniform(0.3, 1.5))
    tasks = chaos.finish(quiet=120)
    assert {task["status"] for task in tasks.values()} == {"succeeded"}
    assert max(task["tries"] for task in tasks.values()) <= 4
