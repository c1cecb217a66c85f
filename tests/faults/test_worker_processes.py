"""A worker with two main processes: one of them is hurt, the other one does not notice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

import psutil
import pytest

from tests.support.databases import DATABASES, Templates
from tests.support.effects import EffectLog
from tests.support.machine import Machine, freeze, thaw
from tests.support.monitor import monitor
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack, healed, running

LEASE = 3.0


@pytest.fixture(scope="module", params=DATABASES)
def shared_pair(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A running system whose worker has two main processes with two slots each."""
    folder = tmp_path_factory.mktemp("pair")
    if request.param == "sqlite":
        url = templates.sqlite(folder / "tasks.db")
        yield from running(folder, url, WORKER_PROCESSES="2")
    else:
        with templates.postgres(request.getfixturevalue("postgres")) as url:
            yield from running(folder, url, WORKER_PROCESSES="2")


@pytest.fixture
def pair(request: pytest.FixtureRequest, shared_pair: Stack) -> Iterator[Stack]:
    """The running system, whole again and idle whatever the test before has done to it."""
    stack = healed(request, shared_pair)
    if any("." in name.partition("@")[0] for name in _names(stack)):
        # A place whose process was replaced a moment ago waits before it replaces the next one.
        stack.restart("worker")
        stack.wait_ready()
    yield stack
    for status in ("pending", "running"):
        for task in stack.client.get("/api/v1/tasks/", params={"status": status}).json():
            stack.client.post(f"/api/v1/tasks/{task['id']}/cancel")
            if "worker" in stack.processes:
                stack.wait_for(task["id"])


# What is the same on either database is tested on one.
on_sqlite = pytest.mark.parametrize("shared_pair", ["sqlite"], indirect=True)


def _started(stack: Stack, log: EffectLog, name: str, *args: object, **body: object) -> str:
    task_id = str(stack.submit(name, *args, **body)["id"])
    wait_until(lambda: log.phases(task_id), timeout=20, what="the body has begun")
    return task_id


def _parent(log: EffectLog, task_id: str) -> int:
    """The main process of the child in which a task's latest attempt runs."""
    return _parent_of(log.of(task_id, "start")[-1].pid)


def _parent_of(pid: int) -> int:
    return int(psutil.Process(pid).ppid())


def _by_parent(log: EffectLog, ids: list[str]) -> dict[int, list[str]]:
    """Running tasks by the main process that has them."""
    found: dict[int, list[str]] = defaultdict(list)
    for task_id in ids:
        found[_parent(log, task_id)].append(task_id)
    return found


def _on_both(stack: Stack, log: EffectLog, name: str, *args: object) -> list[list[str]]:
    """Every slot taken by a task: the tasks of the one main process and of the other."""
    ids = [_started(stack, log, name, *args) for _ in range(4)]
    found = list(_by_parent(log, ids).values())
    assert [len(each) for each in found] == [2, 2]
    return found


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# Sharing


def test_two_share_a_backlog_and_every_task_runs_once(pair: Stack) -> None:
    log = pair.effect_log()
    ids = [str(pair.submit("sleep_for", 0.05, str(log))["id"]) for _ in range(120)]
    for task_id in ids:
        done = pair.wait_for(task_id, "succeeded", timeout=60)
        assert (done["attempt"], log.phases(task_id)) == (1, ["start", "done"])
    parents = Machine(pair).parents
    shares = Counter(_parent_of(effect.pid) for effect in log.all())
    assert set(shares) == set(parents)
    assert min(shares.values()) > 24  # a tenth of all at least, however busy the machine is


@on_sqlite
def test_each_has_a_name_and_its_slots_and_they_add_up(pair: Stack) -> None:
    rows = pair.live_workers()
    assert sorted(row["pid"] for row in rows) == sorted(Machine(pair).parents)
    assert [row["slots"] for row in rows] == [2, 2]
    first, second = sorted(row["name"] for row in rows)
    supervisor = pair.processes["worker"].pid
    assert first.startswith(f"worker-{supervisor}_1@")
    assert second == first.replace("_1@", "_2@")
    assert pair.run("noop")["worker"] in (first, second)
    assert "2 alive with 4 slots on 1 machine" in pair.taskctl("doctor", check=False)


@on_sqlite
def test_both_write_one_log_of_whole_lines(pair: Stack) -> None:
    log = pair.effect_log()
    ids = [str(pair.submit("sleep_for", 0.05, str(log))["id"]) for _ in range(12)]
    for task_id in ids:
        pair.wait_for(task_id, "succeeded")
    lines = (pair.log_dir / "celery_worker.log").read_text().splitlines()
    joined = [line for line in lines if "worker_joined" in line]
    assert {line.split("worker=")[1].split()[0] for line in joined} >= {
        row["name"] for row in pair.live_workers()
    }
    # Tracebacks apart, each line begins with a time of its own, and with one only.
    starts = [line.count("Z [") for line in lines if line[:2] == "20"]
    assert set(starts) == {1}


# Ends of one


def test_one_that_is_killed_is_replaced_and_only_its_tasks_are_judged(pair: Stack) -> None:
    log = pair.effect_log()
    kinds = ("sleep_for", "sleep_for", "sturdy_sleep", "sturdy_sleep")
    ids = [_started(pair, log, kind, 6, str(log)) for kind in kinds]
    names = {row["name"] for row in pair.live_workers()}
    by_parent = _by_parent(log, ids)
    assert [len(each) for each in by_parent.values()] == [2, 2]
    victim = next(iter(by_parent))
    (survivor,) = set(by_parent) - {victim}
    os.kill(victim, signal.SIGKILL)
    for task_id in by_parent[victim]:
        sturdy = kinds[ids.index(task_id)] == "sturdy_sleep"
        done = pair.wait_for(task_id, "succeeded" if sturdy else "failed", timeout=60)
        # Nobody knows which of the two it was, so the one that starts again has spent no try.
        assert (done["attempt"], done["tries"]) == ((2, 1) if sturdy else (1, 1))
        assert sturdy or done["reason"] == "worker_lost"
    for task_id in by_parent[survivor]:
        assert pair.wait_for(task_id, "succeeded")["attempt"] == 1
        assert log.phases(task_id) == ["start", "done"]
    machine = Machine(pair)
    wait_until(lambda: len(machine.parents) == 2, timeout=20, what="another one was started")
    assert survivor in machine.parents
    wait_until(
        lambda: {row["name"] for row in pair.live_workers()} == names,
        timeout=20, what="it works under the name of the one that was killed",
    )  # fmt: skip
    again = pair.effect_log()
    _on_both(pair, again, "sleep_for", 1, str(again))


@on_sqlite
def test_the_tasks_of_one_that_is_frozen_go_to_the_other(pair: Stack) -> None:
    log = pair.effect_log()
    stuck, untouched = _on_both(pair, log, "sturdy_sleep", 12, str(log))
    victim = _parent(log, stuck[0])
    freeze([victim, *(effect.pid for each in stuck for effect in log.of(each))])
    try:
        for task_id in untouched:
            assert pair.wait_for(task_id, "succeeded", timeout=25)["attempt"] == 1
        for task_id in stuck:
            wait_until(
                lambda t=task_id: len(log.of(t, "start")) == 2,  # type: ignore[misc]
                timeout=60, what="the other one runs it",
            )  # fmt: skip
            assert _parent(log, task_id) != victim
    finally:
        if _lives(victim):
            thaw([victim, *(log.of(each)[0].pid for each in stuck)])
    for task_id in stuck:
        assert pair.wait_for(task_id, "succeeded", timeout=60)["attempt"] == 2


@on_sqlite
def test_one_that_is_deaf_is_replaced_while_the_other_goes_on(pair: Stack) -> None:
    log = pair.effect_log()
    machine = Machine(pair)
    deaf, hearing = sorted(pair.live_workers(), key=lambda row: str(row["name"]))
    ran_on = _started_on(pair, log, deaf["pid"], 30)
    with monitor(pair) as app:
        app.control.cancel_consumer("default", destination=[deaf["name"]], reply=True, timeout=3)
    # What the one that hears takes is no evidence; only when it has no slot left something waits.
    busy = [_started(pair, log, "sleep_for", 30, str(log)) for _ in range(2)]
    assert {_parent(log, task_id) for task_id in busy} == {hearing["pid"]}
    assert pair.run("add", 20, 22, timeout=40)["result"] == 42
    output = machine.process.text()
    assert "worker_deaf" in output
    wait_until(
        lambda: deaf["name"].replace("_1@", "_1.2@") in _names(pair),
        timeout=15, what="its place has another one",
    )  # fmt: skip
    assert hearing["name"] in _names(pair)
    for task_id in (ran_on, *busy):
        done = pair.wait_for(task_id, "succeeded", timeout=60)
        assert (done["attempt"], log.phases(task_id)) == (1, ["start", "done"])
    wait_until(lambda: not _lives(deaf["pid"]), timeout=20, what="the deaf one has ended")
    assert len(machine.parents) == 2
    assert hearing["pid"] in machine.parents


def _started_on(stack: Stack, log: EffectLog, parent: int, seconds: float) -> str:
    """A running task of one main process; others that came to run on the other one are over."""
    ids: list[str] = []
    while not ids or _parent(log, ids[-1]) != parent:
        assert len(ids) < 4
        ids.append(_started(stack, log, "sleep_for", seconds, str(log)))
    for other in ids[:-1]:
        stack.client.post(f"/api/v1/tasks/{other}/cancel")
        stack.wait_for(other, "revoked")
    return ids[-1]


def _names(stack: Stack) -> set[str]:
    return {row["name"] for row in stack.live_workers()}


def test_memory_is_limited_in_both_and_the_others_are_untouched(
    make_stack: MakeStack, sqlite_url: str
) -> None:
    modules = "tests.support.tasks,tests.support.chaos.tasks"
    stack = make_stack(
        sqlite_url, WORKER_PROCESSES="2", TASK_MEMORY_LIMIT_MB="100", TASK_MODULES=modules
    )
    log = stack.effect_log()
    modest = [_started(stack, log, "sleep_for", 8, str(log)) for _ in range(2)]
    hoards = "tests.support.chaos.tasks.hoards"
    greedy = [str(stack.submit(hoards, str(log), 300, 30)["id"]) for _ in range(2)]
    for task_id in greedy:
        assert stack.wait_for(task_id, "failed", timeout=30)["reason"] == "memory_limit"
    for task_id in modest:
        assert stack.wait_for(task_id, "succeeded")["attempt"] == 1


# One agent, one supervisor


@on_sqlite
def test_the_agent_of_both_is_killed_and_no_attempt_is_lost(pair: Stack) -> None:
    log = pair.effect_log()
    ids = [each for own in _on_both(pair, log, "sleep_for", 7, str(log)) for each in own]
    os.kill(Machine(pair).agent, signal.SIGKILL)
    for task_id in ids:
        assert pair.wait_for(task_id, "succeeded", timeout=30)["attempt"] == 1
        assert log.phases(task_id) == ["start", "done"]


@on_sqlite
def test_a_revocation_by_a_monitor_reaches_both_and_ends_the_task_once(pair: Stack) -> None:
    log = pair.effect_log()
    task_id = _started(pair, log, "sleep_for", 60, str(log))
    celery_id = pair.task(task_id)["celery_id"]
    with monitor(pair) as app:
        answers = app.control.revoke(celery_id, terminate=True, reply=True, timeout=2)
    assert len(answers or ()) == 2
    assert pair.wait_for(task_id, "revoked")["reason"] == "flower"
    assert pair.run("add", 1, 1)["result"] == 2


@on_sqlite
def test_no_process_outlives_a_killed_supervisor_of_two(pair: Stack) -> None:
    log = pair.effect_log()
    own, others = _on_both(pair, log, "sturdy_sleep", 60, str(log))
    everything = Machine(pair).everything
    pair.kill("worker")
    wait_until(
        lambda: not [pid for pid in everything if _lives(pid)],
        timeout=20, what="the supervisor's processes are gone",
    )  # fmt: skip
    for task_id in (*own, *others):
        back = pair.task(task_id)
        assert (back["status"], back["tries"]) == ("pending", 0)


def test_a_machine_that_is_lost_blames_none_of_its_tasks(pair: Stack) -> None:
    log = pair.effect_log()
    ids = [each for own in _on_both(pair, log, "sturdy_sleep", 1.5, str(log)) for each in own]
    doomed = pair.processes.pop("worker")
    everything = [psutil.Process(doomed.pid), *doomed.descendants()]
    for process in everything:
        process.suspend()  # so that nobody has time to settle anything
    for process in everything:
        process.kill()
    doomed.wait(5)
    pair.start_part("worker")
    for task_id in ids:
        done = pair.wait_for(task_id, "succeeded", timeout=60)
        assert (done["attempt"], done["tries"]) == (2, 1)


# Stops


@on_sqlite
def test_a_stop_lets_short_tasks_of_both_finish_and_gives_long_ones_back(pair: Stack) -> None:
    log = pair.effect_log()
    long = [_started(pair, log, "sturdy_sleep", 20, str(log)) for _ in range(2)]
    short = [_started(pair, log, "sleep_for", 1, str(log)) for _ in range(2)]
    waiting = [str(pair.submit("sleep_for", 0, str(log))["id"]) for _ in range(3)]
    assert set(_by_parent(log, [*long, *short])) == set(Machine(pair).parents)
    pair.start_part("worker2")
    wait_until(lambda: len(pair.live_workers()) == 4, timeout=30, what="another worker")
    began = time.monotonic()
    assert pair.stop_part("worker", signal.SIGTERM, timeout=25) == 0
    assert time.monotonic() - began < 12  # DRAIN_SECONDS is 2
    for task_id in (*short, *waiting):
        assert pair.wait_for(task_id, "succeeded", timeout=30)["attempt"] == 1
        assert log.phases(task_id) == ["start", "done"]
    for task_id in long:
        done = pair.wait_for(task_id, "succeeded", timeout=60)
        assert (done["attempt"], done["tries"]) == (2, 1)


def test_a_second_signal_ends_both_at_once(make_stack: MakeStack, sqlite_url: str) -> None:
    # After one signal alone they would go on for a minute.
    pair = make_stack(sqlite_url, WORKER_PROCESSES="2", DRAIN_SECONDS="60")
    log = pair.effect_log()
    own, others = _on_both(pair, log, "sturdy_sleep", 60, str(log))
    machine = Machine(pair)
    everything = machine.everything
    machine.process.send(signal.SIGTERM)
    time.sleep(0.5)
    machine.process.send(signal.SIGTERM)
    assert pair.processes.pop("worker").wait(20) == 0
    wait_until(
        lambda: not [pid for pid in everything if _lives(pid)], timeout=5, what="all have ended"
    )
    for task_id in (*own, *others):
        back = pair.task(task_id)
        assert (back["status"], back["tries"]) == ("pending", 0)
