"""C13 of the history checker: dead processes, crash loops and growth, and what only looks so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import End, FaultSpan, History, Missing, Process
from tests.support.chaos.observer import AGENT_READY, BEAT_READY, ends_in, told_in
from tests.support.chaos.samples import DEADLY, Plant, a_task, add, rules, violations
from tests.support.effects import Effect


def kill(history: History, kind: Kind, at: float, pid: int | None = None) -> None:
    history.faults.append(FaultSpan("kill", at, at, kind, "worker", pid))


def ended(history: History, how: str, *times: float) -> None:
    history.ends += [End("worker", at, how) for at in times]


def child_ended(history: History, pid: int, at: float = 20.5) -> None:
    history.ends.append(End("worker", at, "signal 9 (SIGKILL)", pid))


def grow(history: History, role: str, megabytes: float, *, begins: float = 0) -> None:
    """A process that takes this much more, evenly, from a moment on."""
    sizes = [(float(at), 90 + megabytes * max(0, at - begins) / (42 - begins)) for at in range(43)]
    history.processes.append(Process("worker", role, 6, sizes))


def dead_process(history: History) -> None:
    history.missing.append(Missing("worker", "3 of 4 children"))


def main_process_ends_long_after_a_child_was_killed(history: History) -> None:
    kill(history, Kind.CHILD, 22, 78)
    child_ended(history, 78, 22.1)
    ended(history, "worker_ended", 24)


def api_that_ends(history: History) -> None:
    history.ends.append(End("api", 20, "code 1 of process 3"))


def crash_loop_after_a_kill(history: History) -> None:
    kill(history, Kind.PARENT, 12)
    ended(history, "worker_ended", 12.1, 15, 18)


def end_without_a_cause(history: History) -> None:
    ended(history, "worker_ended", 20)


def end_of_another_process_than_was_killed(history: History) -> None:
    kill(history, Kind.PARENT, 12)
    ended(history, "agent_ended", 12.5)


def end_long_after_its_cause(history: History) -> None:
    kill(history, Kind.AGENT, 12)
    ended(history, "agent_ended", 30)


def kill_on_another_worker(history: History) -> None:
    history.faults.append(FaultSpan("kill", 12, 12, Kind.AGENT, "worker2"))
    ended(history, "agent_ended", 12.5)


def worker_ends_in_an_outage(history: History) -> None:
    history.faults.append(FaultSpan("broker down", 12, 30, Kind.BROKER))
    ended(history, "worker_ended", 20)


def agent_is_silent_again_and_again(history: History) -> None:
    ended(history, "agent_silent", 12, 20)


def idle_children_die(history: History) -> None:
    for number in range(5):
        child_ended(history, 100 + number)


def child_dies_with_an_innocent_task(history: History) -> None:
    add(history, a_task("lost", "failed", reason="worker_lost",
                        attempts=[{"outcome": "worker_lost"}]))  # fmt: skip
    history.effects.append(Effect("lost", 1, "start", 100, 20.0))
    child_ended(history, 100)


def agent_that_grows(history: History) -> None:
    grow(history, "agent", 120)


def agent_that_grows_late(history: History) -> None:
    grow(history, "agent", 60, begins=25)


def child_without_bound(history: History) -> None:
    grow(history, "children", 5000)


PLANTED: list[Plant] = [
    dead_process,
    main_process_ends_long_after_a_child_was_killed,
    api_that_ends,
    crash_loop_after_a_kill,
    end_without_a_cause,
    end_of_another_process_than_was_killed,
    end_long_after_its_cause,
    kill_on_another_worker,
    worker_ends_in_an_outage,
    agent_is_silent_again_and_again,
    idle_children_die,
    child_dies_with_an_innocent_task,
    agent_that_grows,
    agent_that_grows_late,
    child_without_bound,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_violation_is_found(plant: Plant) -> None:
    assert "C13" in rules(plant), violations(plant)


# What looks like a violation and is none


def _killed_one_after_another(history: History) -> None:
    for at in (10, 14, 18):
        kill(history, Kind.PARENT, at)
        ended(history, "worker_ended", at + 0.2)
        kill(history, Kind.AGENT, at + 1)
        ended(history, "agent_ended", at + 1.2)


def _replaced_after_it_was_frozen(history: History) -> None:
    history.faults.append(FaultSpan("frozen", 10, 14, Kind.PARENT, "worker", 6))
    ended(history, "worker_replaced", 19)


def _silent_once(history: History) -> None:
    ended(history, "agent_silent", 20)


def _whole_worker_restarted(history: History) -> None:
    history.faults.append(FaultSpan("worker away", 10, 14, Kind.WORKER, "worker"))
    ended(history, "agent_ended", 15)
    ended(history, "worker_ended", 15)
    child_ended(history, 100, 15)


def _task_that_ends_its_process(history: History) -> None:
    add(history, a_task("deadly", "failed", celery_task_name=DEADLY))
    history.effects.append(Effect("deadly", 1, "start", 100, 20.0))
    child_ended(history, 100)


def _stopped_by_force(history: History) -> None:
    attempts = [{"outcome": "cancelled", "stopped_by": "forced"}]
    add(history, a_task("stopped", "revoked", attempts=attempts))
    history.effects.append(Effect("stopped", 1, "start", 100, 20.0))
    child_ended(history, 100)


def _over_its_memory(history: History) -> None:
    attempts = [{"outcome": "failed", "error": {"type": "memory_limit"}}]
    add(history, a_task("greedy", "failed", attempts=attempts))
    history.effects.append(Effect("greedy", 1, "start", 100, 20.0))
    child_ended(history, 100)


def _stopped_by_force_when_it_was_just_done(history: History) -> None:
    add(history, a_task("won", cancel_requested_at="2030-01-31T08:00:01Z"))
    history.effects += [Effect("won", 1, "start", 100, 20.0), Effect("won", 1, "done", 100, 20.4)]
    child_ended(history, 100)


def _fenced_after_a_cut(history: History) -> None:
    child_dies_with_an_innocent_task(history)
    history.faults.append(FaultSpan("cut", 20.1, 20.4, Kind.DATABASE))


def _task_that_takes_memory(history: History) -> None:
    grow(history, "children", 300, begins=25)


def _warming_up(history: History) -> None:
    grow(history, "agent", 55)


def _young(history: History) -> None:
    sizes = [(1.0, 10.0), (10.0, 120.0)]
    history.processes.append(Process("worker", "agent", 6, sizes))


def _child_killed_while_its_main_process_began(history: History) -> None:
    kill(history, Kind.PARENT, 20)
    ended(history, "worker_ended", 20.1)
    kill(history, Kind.CHILD, 22, 78)
    child_ended(history, 78, 22.1)
    ended(history, "worker_ended", 24)


@pytest.mark.parametrize(
    "harmless",
    [
        _child_killed_while_its_main_process_began,
        _killed_one_after_another,
        _replaced_after_it_was_frozen,
        _silent_once,
        _whole_worker_restarted,
        _task_that_ends_its_process,
        _stopped_by_force,
        _over_its_memory,
        _stopped_by_force_when_it_was_just_done,
        _fenced_after_a_cut,
        _task_that_takes_memory,
        _warming_up,
        _young,
    ],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Plant) -> None:
    assert violations(harmless) == []


def test_ends_are_read_from_what_a_worker_prints(tmp_path: Path) -> None:
    path = tmp_path / "worker.out"
    path.write_text(
        "2030-01-31T08:00:01.5Z [info] agent_started [__main__] pid=5\n"
        "Process 'ForkPoolWorker-1' pid:77 exited with 'signal 9 (SIGKILL)'\n"
        "2030-01-31T08:00:03.0Z [warning] agent_ended [app.worker.keeper] code=-9\n"
        "a line of somebody's own about agent_silent\n"
    )
    child, agent = ends_in("worker", path)
    assert (child.pid, child.how) == (77, "'signal 9 (SIGKILL)'")
    assert (agent.pid, agent.how) == (None, "agent_ended")
    assert agent.at - child.at == 1.5
    assert replace(agent, at=0.0) == End("worker", 0.0, "agent_ended")


def test_when_something_began_is_read_from_what_it_prints(tmp_path: Path) -> None:
    path = tmp_path / "beat.out"
    path.write_text(
        "2030-01-31T08:00:01.5Z [info] schedules are in place [app.scheduler.scheduler] count=1\n"
        "2030-01-31T08:00:02.0Z [info] schedule fired [app.scheduler.firing] schedule=x\n"
        "2030-01-31T08:00:11.5Z [info] schedules are in place [app.scheduler.scheduler] count=1\n"
        "2030-01-31T08:00:12.5Z [info] agent_started [__main__] pid=5\n"
    )
    first, second = told_in(path, BEAT_READY)
    assert second - first == 10
    assert told_in(path, AGENT_READY) == [second + 1]
