"""Lines are cut, the broker is away, everything sleeps: whoever is alive goes on."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.scenario import Scenario

LEASE_SECONDS = 3.0


@pytest.mark.scenario("R06")
def test_submissions_while_the_broker_is_down(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    before = chaos.submit_many(8, "short", chaos.log, 3)
    began = time.monotonic()
    meanwhile = []
    with chaos.fault("broker down", Kind.BROKER):
        chaos.broker.kill()
        for number in range(200):
            time.sleep(max(0.0, began + number * 0.1 - time.monotonic()))  # the rate
            meanwhile.append(chaos.post("short", chaos.log))
        time.sleep(max(0.0, began + 20 - time.monotonic()))  # how long it is down
        chaos.broker.start()
    assert [call.status for call in meanwhile] == [201] * 200
    took = [call.ended - call.started for call in meanwhile]
    assert statistics.quantiles(took, n=20)[-1] < 1.0
    tasks = chaos.finish()
    ids = [*before, *(call.answer["id"] for call in meanwhile)]
    assert {tasks[each]["status"] for each in ids} == {"succeeded"}


@pytest.mark.scenario("R26", databases=("postgresql",))
def test_a_worker_that_is_cut_from_the_database(chaos: Scenario) -> None:
    """Its tasks are taken over; when it learns of that it stops them, and works again."""
    chaos.start("api", "worker", "worker2", proxies=("worker:database",))
    once = chaos.submit_many(4, "short", chaos.log, 30)
    again = chaos.submit_many(4, "retryable", chaos.log, 30, max_attempts=5)
    chaos.wait(lambda: len(chaos.effects.all()) >= 8, 20, "all of them run")
    cut_off = pids_of(chaos, "worker")
    lost = [e.task_id for e in chaos.effects.all() if e.pid in cut_off]
    assert lost
    with chaos.fault("worker is cut from the database", Kind.DATABASE):
        chaos.proxy("worker:database").blackhole()
        time.sleep(2 * LEASE_SECONDS)  # how long the fault lasts
        chaos.proxy("worker:database").pass_()
    require_that_it_works_again(chaos, "worker")
    tasks = chaos.finish(quiet=90)
    for task_id in once:
        expected = ("failed", "worker_lost") if task_id in lost else ("succeeded", None)
        assert (tasks[task_id]["status"], tasks[task_id]["reason"]) == expected
    for task_id in again:
        assert tasks[task_id]["status"] == "succeeded"
    # It has learned of its loss long before these would have been done.
    first_attempts = [e for e in chaos.effects.all() if e.phase == "done" and e.task_id in lost]
    assert all(effect.attempt > 1 for effect in first_attempts)


def pids_of(chaos: Scenario, part: str) -> set[int]:
    """Processes of a worker that may run task code."""
    pids = chaos.worker_pids(part)
    return {pids["parent"], *pids["children"], *chaos.system.tree(part)}


def require_that_it_works_again(chaos: Scenario, part: str) -> None:
    """Within 10 s the worker takes new tasks."""
    began = time.monotonic()

    def it_worked() -> bool:
        chaos.submit_many(4, "short", chaos.log, 0.05)
        mine = pids_of(chaos, part)
        return any(e.pid in mine and e.time > since for e in chaos.effects.all())

    since = time.time()
    chaos.wait(it_worked, 20, f"{part} takes tasks again", every=0.5)
    assert time.monotonic() - began < 10


@pytest.mark.scenario("R27")
def test_a_worker_that_is_cut_from_the_broker(chaos: Scenario) -> None:
    """What it runs goes on; what it was about to get runs all the same."""
    chaos.start("api", "worker", proxies=("worker:broker",))
    ids = chaos.submit_many(4, "short", chaos.log, 12)
    chaos.wait(lambda: len(chaos.effects.all()) >= 4, 20, "all of them run")
    with chaos.fault("worker is cut from the broker", Kind.BROKER):
        chaos.proxy("worker:broker").blackhole()
        ids += chaos.submit_many(20, "short", chaos.log, 0.2)
        time.sleep(2 * LEASE_SECONDS)  # how long the fault lasts
        chaos.proxy("worker:broker").pass_()
    require_that_it_works_again(chaos, "worker")
    tasks = chaos.finish()
    for task_id in ids:
        assert tasks[task_id]["status"] == "succeeded", tasks[task_id]
        assert tasks[task_id]["attempt"] == 1


@pytest.mark.scenario("R35")
def test_a_laptop_that_sleeps(chaos: Scenario) -> None:
    """Everything but the database stands still for two leases, and then goes on."""
    chaos.start("api", "worker", "worker2")
    ids = chaos.submit_many(6, "short", chaos.log, 10)
    ids += chaos.submit_many(2, "progressing", chaos.log, 10.0, 50)
    chaos.wait(lambda: len(chaos.effects.all()) >= 8, 20, "all of them run")
    ids += chaos.submit_many(40, "short", chaos.log, 0.2)
    asleep = [pid for part in ("worker", "worker2", "api") for pid in chaos.system.tree(part)]
    assert chaos.broker.pid is not None
    chaos.freeze(*asleep, chaos.broker.pid)
    time.sleep(2 * LEASE_SECONDS)  # how long the fault lasts
    chaos.thaw()
    tasks = chaos.finish()
    for task_id in ids:
        assert tasks[task_id]["status"] == "succeeded", tasks[task_id]
        assert tasks[task_id]["attempt"] == 1
        assert len(chaos.effects.of(task_id, "start")) == 1
