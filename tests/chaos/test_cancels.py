"""Cancels at any moment: the answer, the effects and the end of the task tell one story."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.chaos.scenario import Scenario

# 200: it is revoked. 202: it was told to stop, and may have finished first. 409: it had finished.
TRUE_ANSWERS = {(200, "revoked"), (202, "revoked"), (202, "succeeded"), (409, "succeeded")}


def _attempts(chaos: Scenario, task_id: str) -> list[dict[str, object]]:
    return list(chaos.call("GET", f"/api/v1/tasks/{task_id}/attempts").answer)


def _phases(chaos: Scenario, task_id: str) -> list[str]:
    return chaos.effects.phases(task_id)


def _wait_for_start(chaos: Scenario, task_id: str) -> None:
    chaos.wait(lambda: _phases(chaos, task_id), 30, "its code has begun", 0.01)


@pytest.mark.scenario("R18")
def test_a_cancel_at_any_moment_is_answered_truly(chaos: Scenario) -> None:
    chaos.start("api", "worker", "worker2")

    def submitted_and_cancelled(plan: tuple[float, float]) -> tuple[str, int | None]:
        seconds, pause = plan
        task_id = chaos.submit("short", chaos.log, seconds)
        assert task_id is not None
        time.sleep(pause)  # any moment of its life
        return task_id, chaos.cancel(task_id).status

    draw = chaos.random.uniform
    plans = [(draw(0, 0.6), draw(0, 3)) for _ in range(300)]
    with ThreadPoolExecutor(16) as pool:
        answers = dict(pool.map(submitted_and_cancelled, plans))
    tasks = chaos.finish()
    assert len(answers) == 300
    for task_id, answer in answers.items():
        end, phases = tasks[task_id]["status"], _phases(chaos, task_id)
        assert (answer, end) in TRUE_ANSWERS, tasks[task_id]
        if answer == 200:
            assert phases == [], tasks[task_id]
        if end == "succeeded":
            assert phases == ["start", "done"]


@pytest.mark.scenario("R20")
def test_a_forced_stop_ends_the_right_task_only(chaos: Scenario) -> None:
    chaos.start("api", "worker", celery_worker_concurrency=2)
    for _ in range(4):
        stuck = chaos.submit("busy", chaos.log)
        assert stuck is not None
        _wait_for_start(chaos, stuck)
        # Short ones keep the other process busy and wait for this one.
        neighbours = chaos.submit_many(12, "short", chaos.log, 0.3)
        time.sleep(chaos.random.uniform(0, 1))  # any moment
        asked = time.monotonic()
        assert chaos.cancel(stuck).status == 202
        ended = chaos.wait_finished(stuck, 10)
        assert ended["status"] == "revoked"
        assert time.monotonic() - asked < 2 + 3  # CANCEL_GRACE_SECONDS is 2
        (attempt,) = _attempts(chaos, stuck)
        assert attempt["stopped_by"] == "forced"
        assert attempt["stopped_at"] == ended["completed_at"]
    tasks = chaos.finish()
    assert all(
        (task["status"], task["attempt"]) == ("succeeded", 1)
        for task in tasks.values()
        if task["name"] == "short"
    )
    assert len(neighbours) == 12


@pytest.mark.scenario("L04")
def test_a_cancel_at_the_end_of_a_task_never_hits_the_next(chaos: Scenario) -> None:
    """One process; each task is cancelled just when it ends and the next one begins."""
    chaos.start("api", "worker", celery_worker_concurrency=1, cancel_grace_seconds=0.3)
    spared = set()
    for _ in range(25):
        first = chaos.submit("short", chaos.log, 0.4)
        second = chaos.submit("short", chaos.log, 0.4)
        assert first is not None
        assert second is not None
        spared.add(second)
        _wait_for_start(chaos, first)
        # Soft comes 0.09 s after the cancel, force 0.3 s after it: around the end at 0.4 s.
        time.sleep(chaos.random.uniform(0, 0.4))
        chaos.cancel(first)
        chaos.wait_finished(second, 30)
    tasks = chaos.finish()
    for task_id in spared:
        assert (tasks[task_id]["status"], tasks[task_id]["attempt"]) == ("succeeded", 1)
        assert _phases(chaos, task_id) == ["start", "done"]
