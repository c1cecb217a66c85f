"""Deployments: workers that stop and start, and workers of two versions side by side."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
import redis

from app.domain.rank import Priority
from app.hints import Hint, HintRow, encode, list_key
from tests.support.chaos.faults import Kind
from tests.support.chaos.scenario import MODULES, Scenario
from tests.support.processes import wait_until

NEWER = "tests.support.chaos.newer"
ONLY_IN_NEWER = f"{NEWER}.only_here"
OLDER = f"{MODULES},tests.support.chaos.older"
BOTH = f"{MODULES},{NEWER}"


def _start_worker(chaos: Scenario, part: str, modules: str) -> None:
    """One more worker, with the functions of one version of the code."""
    before = len(chaos.stack.live_workers())
    chaos.system.start_part(part, TASK_MODULES=modules)
    wait_until(lambda: len(chaos.stack.live_workers()) > before, timeout=40, what=f"{part} is live")


def _push(chaos: Scenario, raw: str) -> None:
    with redis.Redis.from_url(chaos.broker.url) as client:
        client.lpush(list_key(chaos.stack.key_prefix, "default", Priority.NORMAL), raw)


@pytest.mark.scenario("R17")
def test_rolling_restarts_fail_no_short_task(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2", drain_seconds=2)
    long = chaos.submit_many(3, "retryable", chaos.log, 8, max_attempts=5)
    fragile = chaos.submit_many(2, "short", chaos.log, 45)
    chaos.wait(lambda: len(chaos.effects.all()) >= 5, 30, "the long ones run")
    short = chaos.submit_many(500, "short", chaos.log, 0.2)
    began = time.monotonic()
    with chaos.fault("rolling restarts", Kind.WORKER):
        for turn in range(10):
            time.sleep(max(0.0, began + 3 * turn - time.monotonic()))  # every 3 s
            part = ("worker", "worker2")[turn % 2]
            chaos.stop_part(part)  # perhaps still starting; then the signal just ends it
            chaos.start_part(part)
    tasks = chaos.finish()
    assert {(tasks[i]["status"], tasks[i]["attempt"]) for i in short} == {("succeeded", 1)}
    assert {tasks[i]["status"] for i in long} == {"succeeded"}
    assert {tasks[i]["tries"] for i in long} == {1}  # interruptions spend none
    assert {(tasks[i]["status"], tasks[i]["reason"]) for i in fragile} == {
        ("failed", "interrupted")
    }


@pytest.mark.scenario("R16")
def test_what_no_worker_knows_is_said_soon(chaos: Scenario) -> None:
    chaos.start("api", task_modules=BOTH)
    _start_worker(chaos, "worker", MODULES)
    known = chaos.submit_many(20, "short", chaos.log, 0.1)
    gone = chaos.submit_many(30, ONLY_IN_NEWER, chaos.log)
    submitted = time.monotonic()
    # A message alone, of a function and of rows that exist nowhere; and one that is no hint.
    nowhere = HintRow(uuid.uuid4(), uuid.uuid4(), 10.0, None)
    hint = Hint("no.such.function", "default", 2, [nowhere], 10.0, "()", "{}")
    _push(chaos, encode(hint))
    plain: dict[str, Any] = json.loads(encode(hint))
    del plain["headers"]["tasksystem_rows"]
    _push(chaos, json.dumps(plain))
    for task_id in gone:
        left = 10 - (time.monotonic() - submitted)
        task = chaos.wait_finished(task_id, max(left, 0.1))
        assert (task["status"], task["reason"]) == ("failed", "not_registered")
        assert task["error"]["message"].startswith(f"Task {ONLY_IN_NEWER} not registered")
    tasks = chaos.finish()
    assert {tasks[task_id]["status"] for task_id in known} == {"succeeded"}


@pytest.mark.scenario("L05")
def test_old_and_new_workers_side_by_side_fail_nothing(chaos: Scenario) -> None:
    """The old one reads the same queue, does not know the function, and is never busy."""
    chaos.start("api", task_modules=BOTH)
    _start_worker(chaos, "worker", OLDER)
    _start_worker(chaos, "worker2", BOTH)
    _start_worker(chaos, "worker3", BOTH)
    newer = chaos.submit_many(60, ONLY_IN_NEWER, chaos.log, 0.1)
    known = chaos.submit_many(60, "short", chaos.log, 0.1)
    altered = chaos.submit_many(20, "chaos.altered", chaos.log, 5)
    time.sleep(chaos.random.uniform(1, 3))  # any moment
    with chaos.fault("one of those that know it restarts", Kind.WORKER):
        chaos.stop_part("worker2")
        more = chaos.submit_many(10, ONLY_IN_NEWER, chaos.log, 0.1)
        _start_worker(chaos, "worker2", BOTH)
    tasks = chaos.finish()
    ends = {(tasks[i]["status"], tasks[i]["attempt"]) for i in (*newer, *known, *more)}
    assert ends == {("succeeded", 1)}
    # Some met the old function, which does not take what they bring; no line of it has run.
    assert {(tasks[i]["status"], tasks[i]["result"]) for i in altered} == {("succeeded", 5)}
    assert {len(chaos.effects.of(i, "start")) for i in altered} == {1}
    old = (chaos.stack.folder / "worker.out").read_text()
    assert old.count("unknown_function") < 200  # it did not take them again and again
