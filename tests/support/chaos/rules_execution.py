"""Rules about executions: how often the code of a task has run, by its own effects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.support.chaos.history import History
from tests.support.chaos.violation import Violation
from tests.support.effects import Effect

MAX_CRASHES = 3
# Outcomes of attempts whose process died under them.
CRASHES = frozenset({"worker_lost", "memory_limit", "quarantined"})


def a_single_try_starts_once(history: History) -> Iterator[Violation]:
    """C4: with `max_attempts=1` at most one start; success means one `done`, of that attempt."""
    effects = _by_task(history)
    for task_id, task in history.tasks.items():
        if task["max_attempts"] != 1:
            continue
        own = effects[task_id]
        starts = [effect for effect in own if effect.phase == "start"]
        done = [effect for effect in own if effect.phase == "done"]
        # An interruption costs no try: a task that asks to be requeued may start again.
        interrupted = _outcomes(task).count("interrupted")
        if len(starts) > 1 + interrupted:
            yield Violation("C4", task_id, f"has one try and {_told(starts)}")
        if len(done) > 1:
            yield Violation("C4", task_id, f"has one try and {_told(done)}")
        if task["status"] == "succeeded" and _promises(history, task):
            if not done:
                yield Violation("C4", task_id, "succeeded and its code was never done")
            elif done[-1].attempt != task["attempt"]:
                yield Violation(
                    "C4", task_id,
                    f"succeeded in attempt {task['attempt']}, done in {done[-1].attempt}",
                )  # fmt: skip


def repeats_have_a_fault(history: History) -> Iterator[Violation]:
    """C5: a retryable task that succeeded was done; more than once only where a fault was."""
    effects = _by_task(history)
    for task_id, task in history.tasks.items():
        if task["max_attempts"] == 1 or not _promises(history, task):
            continue
        done = [effect for effect in effects[task_id] if effect.phase == "done"]
        if task["status"] == "succeeded" and not done:
            yield Violation("C5", task_id, "succeeded and its code was never done")
        if len(done) > 1:
            first, last = effects[task_id][0].time, done[-1].time
            if not any(fault.overlaps(first, last) for fault in history.faults):
                yield Violation("C5", task_id, f"{_told(done)}, and no fault was near")


def ended_before_the_start_means_no_effect(history: History) -> Iterator[Violation]:
    """C6: what is revoked, or failed with another, with attempt 0 has never run."""
    effects = _by_task(history)
    for task_id, task in history.tasks.items():
        if task["status"] in ("revoked", "failed") and not task["attempt"] and effects[task_id]:
            yield Violation("C6", task_id, f"never started, it says, and {_told(effects[task_id])}")


def tries_and_crashes_are_bounded(history: History) -> Iterator[Violation]:
    """C8: no more tries than allowed, and at most three crashes."""
    for task_id, task in history.tasks.items():
        if task["tries"] > task["max_attempts"]:
            yield Violation("C8", task_id, f"{task['tries']} tries of {task['max_attempts']}")
        crashes = [outcome for outcome in _outcomes(task) if outcome in CRASHES]
        if len(crashes) > MAX_CRASHES:
            yield Violation("C8", task_id, f"{len(crashes)} crashes: {crashes}")


def _by_task(history: History) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = defaultdict(list)
    for effect in history.effects:
        found[effect.task_id].append(effect)
    return found


def _outcomes(task: dict[str, Any]) -> list[str]:
    return [str(attempt["outcome"]) for attempt in task.get("attempts", [])]


def _promises(history: History, task: dict[str, Any]) -> bool:
    """Whether every completed run of the task leaves a `done` in this scenario's log."""
    complete = task["celery_task_name"] in history.facts.complete_functions
    return complete and history.facts.effect_log in task["args"]


def _told(effects: list[Effect]) -> str:
    parts = [
        f"{e.phase} of attempt {e.attempt} by process {e.pid} at {e.time:.3f}" for e in effects
    ]
    return f"{len(parts)} effects: {'; '.join(parts)}"
