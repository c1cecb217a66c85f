"""What is too much: results, lines, errors, memory, time, and tasks that end their process."""

from __future__ import annotations

import time

import psutil
import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.scenario import Scenario


def _attempts(chaos: Scenario, task_id: str) -> int:
    return int(chaos.get(task_id)["attempt"])


@pytest.mark.scenario("R34")
def test_what_is_too_large_is_cut_or_refused_and_bothers_nobody(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    others = chaos.submit_many(40, "short", chaos.log, 0.1)
    result = chaos.submit("big_result", chaos.log, 50_000_000)
    lines = chaos.submit("many_lines", chaos.log, 200_000)
    error = chaos.submit("big_traceback", chaos.log, 5_000_000)
    others += chaos.submit_many(40, "short", chaos.log, 0.1)
    tasks = chaos.finish()
    assert result is not None
    assert lines is not None
    assert error is not None
    assert (tasks[result]["status"], tasks[result]["reason"]) == ("failed", "result_too_large")
    assert tasks[lines]["status"] == "succeeded"
    kept = chaos.call("GET", f"/api/v1/tasks/{lines}/logs?limit=1000").answer
    assert len(kept) == 1000
    assert "more than 1000 lines" in kept[-1]["message"]
    assert tasks[error]["status"] == "failed"
    told = tasks[error]["error"]
    assert len(told["message"]) + len(told["traceback"]) <= 32 * 1024
    assert {tasks[i]["status"] for i in others} == {"succeeded"}
    sizes = [size for process in chaos.history().processes for _, size in process.sizes]
    assert max(sizes) < 600  # not several copies of everything


@pytest.mark.scenario("L01")
def test_a_task_that_takes_too_much_memory_fails_with_the_reason(chaos: Scenario) -> None:
    chaos.start("api", "worker", task_memory_limit_mb=100)
    others = chaos.submit_many(20, "short", chaos.log, 0.3)
    greedy = chaos.submit("hoards", chaos.log, 400, 20)
    modest = chaos.submit("hoards", chaos.log, 40, 1)
    others += chaos.submit_many(20, "short", chaos.log, 0.3)
    tasks = chaos.finish()
    assert greedy is not None
    assert modest is not None
    assert (tasks[greedy]["status"], tasks[greedy]["reason"]) == ("failed", "memory_limit")
    assert "TASK_MEMORY_LIMIT_MB=100" in tasks[greedy]["error"]["message"]
    assert tasks[modest]["status"] == "succeeded"
    assert {(tasks[i]["status"], tasks[i]["attempt"]) for i in others} == {("succeeded", 1)}


@pytest.mark.scenario("L03")
@pytest.mark.parametrize("victim", ["parent", "group"])
def test_a_task_that_ends_the_whole_worker_is_found_out(chaos: Scenario, victim: str) -> None:
    chaos.start("api", "worker")
    neighbours = chaos.submit_many(3, "retryable", chaos.log, 6, max_attempts=5)
    chaos.wait(lambda: len(chaos.effects.all()) >= 3, 20, "the neighbours run")
    poison = chaos.submit("kills_its_worker", chaos.log, victim, max_attempts=10)
    assert poison is not None
    with chaos.fault("a task kills its worker", Kind.WORKER, "worker"):
        ended = chaos.wait_finished(poison, 60)
    assert (ended["status"], ended["reason"]) == ("failed", "quarantined")
    tasks = chaos.finish()
    assert len([e for e in chaos.effects.of(poison) if e.phase == "start"]) <= 3
    for neighbour in neighbours:
        assert tasks[neighbour]["status"] == "succeeded"
        assert tasks[neighbour]["tries"] == 1
        assert tasks[neighbour]["attempt"] <= 3


@pytest.mark.scenario("L02")
@pytest.mark.parametrize("mute", [False, True], ids=["speaks", "mute"])
def test_a_time_limit_holds_while_the_agent_is_killed(chaos: Scenario, mute: bool) -> None:
    """A process inside one call into C cannot even tell the next agent what it runs."""
    chaos.start("api", "worker")
    body = ("busy", chaos.log) if mute else ("stubborn", 60, chaos.log)
    stuck = chaos.submit(*body, time_limit=10)
    assert stuck is not None
    chaos.wait(lambda: chaos.effects.of(stuck), 20, "it has begun")
    began = time.monotonic()
    for _ in range(2):
        time.sleep(chaos.random.uniform(1, 2))  # any moment, far enough from the last
        chaos.kill(chaos.worker_pids()["agent"])
    ended = chaos.wait_finished(stuck, 30)
    assert (ended["status"], ended["reason"]) == ("failed", "timeout")
    assert time.monotonic() - began < 10 + 6  # not counted anew by each agent
    chaos.finish()


@pytest.mark.scenario("L06", databases=("postgresql",))
def test_a_time_limit_holds_while_the_worker_is_cut_from_the_database(chaos: Scenario) -> None:
    chaos.start("api", "worker", proxies={"worker:database"})
    stuck = chaos.submit("busy", chaos.log, time_limit=5)
    assert stuck is not None
    chaos.wait(lambda: chaos.effects.of(stuck), 20, "the loop has begun")
    pid = chaos.effects.of(stuck)[0].pid
    with chaos.fault("worker cut from the database", Kind.DATABASE):
        getattr(chaos.proxy("worker:database"), chaos.random.choice(["refuse", "blackhole"]))()
        chaos.wait(lambda: not psutil.pid_exists(pid), 10, "its process was ended")
        chaos.proxy("worker:database").pass_()
    ended = chaos.wait_finished(stuck, 20)
    assert (ended["status"], ended["reason"]) == ("failed", "timeout")
    chaos.finish()
