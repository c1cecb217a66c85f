"""C15 of the history checker: tasks that wait for others, and what only looks wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chaos.checker import check
from tests.support.chaos.history import FaultSpan, History
from tests.support.chaos.samples import TIME, Plant, a_task, add, clean
from tests.support.effects import Effect


def waited() -> History:
    """A clean history in which one more task has waited for `once`."""
    history = clean()
    add(history, a_task("after", depends_on=["once"], started_at=TIME.format(3),
        completed_at=TIME.format(4)))  # fmt: skip
    history.effects += [Effect("after", 1, "start", 7, 3.0), Effect("after", 1, "done", 7, 4.0)]
    return history


def started_early(history: History) -> None:
    history.tasks["after"]["started_at"] = TIME.format(1)


def first_attempt_was_early(history: History) -> None:
    history.tasks["after"] |= {"max_attempts": 2, "attempt": 2, "tries": 2, "attempts": [
        {"outcome": "worker_lost", "started_at": TIME.format(1)},
        {"outcome": "succeeded", "started_at": TIME.format(3)}]}  # fmt: skip


def needed_one_is_unfinished(history: History) -> None:
    history.tasks["once"]["completed_at"] = None


def had_an_early_effect(history: History) -> None:
    history.effects = [
        replace(e, time=1.5) if (e.task_id, e.phase) == ("after", "start") else e
        for e in history.effects
    ]


def needed_one_went_on(history: History) -> None:
    history.effects.append(Effect("once", 1, "done", 7, 3.5))


def needed_one_went_on_without_a_fault(history: History) -> None:
    needed_one_was_thawed(history)
    history.faults.clear()


def ran_after_a_lost_one(history: History) -> None:
    history.tasks["once"] |= {"status": "failed"}


def ended_without_a_cause(history: History) -> None:
    add(history, a_task("ended", "failed", reason="dependency_failed", depends_on=["once"],
        attempt=0, tries=0, started_at=None, args=[]))  # fmt: skip


PLANTED = [
    started_early,
    first_attempt_was_early,
    needed_one_is_unfinished,
    had_an_early_effect,
    needed_one_went_on,
    needed_one_went_on_without_a_fault,
    ran_after_a_lost_one,
    ended_without_a_cause,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_violation_is_found(plant: Plant) -> None:
    history = waited()
    plant(history)
    assert "C15" in {violation.rule for violation in check(history)}


def tolerant(history: History) -> None:
    history.tasks["once"] |= {"status": "failed"}
    history.samples = [each for each in history.samples if each.task_id != "once"]
    history.count["succeeded"] -= 1
    history.count["failed"] += 1
    (call,) = [each for each in history.calls if each.answer["id"] == "after"]
    body = {"depends_on": ["once"], "on_dependency_failure": "run"}
    history.calls[history.calls.index(call)] = replace(call, body=body)


def retried_by_hand(history: History) -> None:
    tolerant(history)
    (call,) = [each for each in history.calls if each.answer["id"] == "after"]
    retry = replace(call, body={}, path="/api/v1/tasks/first/retry")
    history.calls[history.calls.index(call)] = retry


def needed_one_was_thawed(history: History) -> None:
    """Its worker was frozen past its lease and taken for dead; this one did not wait for it."""
    tolerant(history)
    error = {"type": "worker_lost"}
    lost = {"attempt": 1, "outcome": "failed", "error": error, "started_at": TIME.format(1)}
    history.tasks["once"] |= {"error": error, "attempts": [lost]}
    history.effects = [e for e in history.effects if (e.task_id, e.phase) != ("once", "done")]
    history.effects.append(Effect("once", 1, "done", 7, 3.5))
    history.faults.append(FaultSpan("process 7 frozen", 1.5, 3.4))


def needed_one_was_deleted_later(history: History) -> None:
    history.tasks["after"]["depends_on"] = ["gone"]


def nothing(history: History) -> None:
    """It waited, and then it ran."""


@pytest.mark.parametrize(
    "harmless",
    [nothing, tolerant, retried_by_hand, needed_one_was_thawed, needed_one_was_deleted_later],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Plant) -> None:
    history = waited()
    harmless(history)
    assert check(history) == []
