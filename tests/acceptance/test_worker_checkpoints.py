"""Attempts that are killed in the middle, and the ones that go on from there."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pytest

from tests.support.effects import EffectLog
from tests.support.processes import wait_until
from tests.support.stack import Stack

STEPS = 40


def _kill_in_the_middle(log: EffectLog, task_id: str, attempt: int, *, parent: bool) -> int:
    """Kill the attempt's process, or with `parent` its worker, after a few steps.

    Returns how many steps had been begun by then.
    """

    def begun() -> list[int]:
        steps = [e for e in log.of(task_id) if e.attempt == attempt and e.phase[:4] == "step"]
        return [int(effect.phase[4:]) for effect in steps]

    wait_until(lambda: len(begun()) >= 3, timeout=40, what=f"attempt {attempt} is in the middle")
    pid = next(e.pid for e in log.of(task_id) if e.attempt == attempt)
    if parent:
        worker = psutil.Process(pid).parent()
        assert worker is not None
        worker.kill()
        wait_until(lambda: not psutil.pid_exists(pid), timeout=20, what="its process is gone, too")
    else:
        os.kill(pid, signal.SIGKILL)
    return begun()[-1] + 1


def test_the_attempt_after_a_kill_goes_on_from_the_checkpoint(stack: Stack) -> None:
    log = stack.effect_log()
    task_id = str(stack.submit("count_on", STEPS, str(log))["id"])
    reached = _kill_in_the_middle(log, task_id, 1, parent=False)
    path = f"/api/v1/tasks/{task_id}"
    assert stack.client.get(f"{path}/checkpoint").json()["state"] in (reached - 1, reached)
    further = _kill_in_the_middle(log, task_id, 2, parent=True)
    done = stack.wait_for(task_id, "succeeded", timeout=60)
    assert done["result"] == done["attempt"] == 3
    # Only a step whose end was not kept yet is done again.
    starts = [int(phase[4:]) for phase in log.phases(task_id) if phase.startswith("from")]
    assert starts[0] == 0
    assert starts[1] in (reached - 1, reached)
    assert starts[2] in (further - 1, further)
    steps = [int(phase[4:]) for phase in log.phases(task_id) if phase.startswith("step")]
    assert sorted(set(steps)) == list(range(STEPS))
    assert len(steps) <= STEPS + 2
    assert stack.client.get(f"{path}/checkpoint").status_code == 404


@pytest.mark.parametrize("shared_stack", ["sqlite"], indirect=True)
def test_taskctl_shows_what_a_task_keeps(stack: Stack) -> None:
    task = stack.run("keep_and_fail", {"page": 7})
    shown = stack.taskctl("show", task["id"]).splitlines()
    assert ["checkpoint", '{"page": 7}'] in [line.split(maxsplit=1) for line in shown]
    kept = json.loads(stack.taskctl("show", task["id"], "--json"))["checkpoint"]
    assert (kept["attempt"], kept["state"]) == (1, {"page": 7})
    again = stack.client.post(f"/api/v1/tasks/{task['id']}/retry").json()
    assert stack.wait_for(again["id"])["error"]["message"] == "found None"
