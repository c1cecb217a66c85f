"""Processes that die in every way are settled in two seconds while their agent lives."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.machine import Machine
from tests.support.processes import wait_until
from tests.support.stack import Stack
from tests.support.stack_fixtures import MakeStack

# What faults.md asks for, and a little for the looking.
BOUND = 2.5


def _started(stack: Stack, count: int, pids: set[int], *, running: int | None = None) -> list[str]:
    """So many long tasks that may start once; the processes of those that run go into `pids`."""
    log = stack.effect_log()
    ids = [str(stack.submit("sleep_for", 60, str(log))["id"]) for _ in range(count)]
    wait_until(
        lambda: len(log.all()) == (running or count), timeout=20, what="the bodies have begun"
    )
    pids |= {effect.pid for effect in log.all()}
    return ids


def _lost(stack: Stack, ids: list[str], since: float) -> None:
    for task_id in ids:
        assert stack.wait_for(task_id, "failed", timeout=6)["reason"] == "worker_lost"
    assert time.monotonic() - since < BOUND


def test_several_children_that_die_at_once(stack: Stack) -> None:
    pids: set[int] = set()
    ids = _started(stack, 3, pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    _lost(stack, ids, time.monotonic())
    assert stack.run("add", 1, 1)["result"] == 2


def test_a_parent_that_dies_with_its_children(stack: Stack) -> None:
    pids: set[int] = set()
    ids = _started(stack, 4, pids)
    for pid in [*Machine(stack).parents, *pids]:
        os.kill(pid, signal.SIGKILL)
    _lost(stack, ids, time.monotonic())
    assert stack.run("add", 1, 1, timeout=30)["result"] == 2


def test_a_child_whose_line_something_it_started_keeps_open(stack: Stack) -> None:
    """A forked grandchild holds the child's socket, so its closing tells nobody."""
    log = stack.effect_log()
    task_id = str(stack.submit("fork_and_sleep", 60, str(log))["id"])
    wait_until(lambda: log.phases(task_id), timeout=15, what="the body has begun")
    killed = time.monotonic()
    os.kill(log.of(task_id)[0].pid, signal.SIGKILL)
    assert stack.wait_for(task_id, "failed", timeout=6)["reason"] == "worker_lost"
    assert time.monotonic() - killed < BOUND


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_pool_that_is_one_process(make_stack: MakeStack, sqlite_url: str, pool: str) -> None:
    stack = make_stack(sqlite_url, worker_options=("--pool", pool))
    pids: set[int] = set()
    ids = _started(stack, 2 if pool == "threads" else 1, pids)
    (pid,) = pids
    os.kill(pid, signal.SIGKILL)
    _lost(stack, ids, time.monotonic())
    assert stack.run("add", 1, 1, timeout=30)["result"] == 2


def test_a_child_that_dies_while_its_worker_drains(make_stack: MakeStack, sqlite_url: str) -> None:
    stack = make_stack(sqlite_url, DRAIN_SECONDS="20")
    pids: set[int] = set()
    ids = _started(stack, 2, pids)
    stack.processes["worker"].send(signal.SIGTERM)

    def drains() -> bool:
        rows = stack.live_workers()
        return bool(rows) and all(row["stopping"] for row in rows)

    wait_until(drains, timeout=10, what="it drains")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    for task_id in ids:
        # The worker was told to stop, so nobody can say that the task ended its process.
        assert stack.wait_for(task_id, "failed", timeout=6)["reason"] in (
            "interrupted",
            "worker_lost",
        )
    assert time.monotonic() - killed < BOUND
    stack.stop_part("worker")
