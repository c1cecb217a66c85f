"""The history checker: silent about a clean history, and each rule finds what is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.chaos.checker import RULES, check
from tests.support.chaos.history import (
    DATABASE_CRASH,
    Call,
    Facts,
    FaultSpan,
    History,
    Look,
    ProcessFact,
    Sample,
    Slot,
)
from tests.support.effects import Effect

LOG = "/effects.log"
SHORT = "tests.support.chaos.tasks.short"
TIME = "2030-01-31T08:00:0{}Z"


def a_task(task_id: str, status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    """A task of the final dump."""
    return {
        "id": task_id, "status": status, "celery_task_name": SHORT, "args": [LOG, 1.0],
        "user_id": "u", "parent_id": None, "max_attempts": 1, "attempt": 1, "tries": 1,
        "version": 3, "progress": 100.0, "error": None, "reason": None, "worker": "w",
        "scheduled_at": None, "created_at": TIME.format(0), "started_at": TIME.format(1),
        "completed_at": TIME.format(2), **changes,
    }  # fmt: skip


def posted(task_id: str, status: int | None = 201, **changes: Any) -> Call:
    """A submission and its answer."""
    answer = {"id": task_id, "status": "pending", "version": 1, "progress": 0.0, "attempt": 0}
    return replace(Call("POST", "/api/v1/tasks/", {}, status, answer, 0.0, 0.1), **changes)


def seen(task_id: str, status: str, version: int, at: float, **changes: Any) -> Sample:
    """One sight of a task."""
    return replace(Sample(task_id, status, version, 0.0, 1, at, at), **changes)


def add(history: History, task: dict[str, Any]) -> None:
    """A further task, submitted and counted as it should be."""
    history.tasks[task["id"]] = task
    history.calls.append(posted(task["id"]))
    history.count["total"] += 1
    history.count[task["status"]] += 1


def clean() -> History:
    """Two tasks: one that runs once, one that is retried once after a fault."""
    history = History(Facts(effect_log=LOG, complete_functions=[SHORT]))
    history.count = dict.fromkeys(
        ("total", "pending", "running", "succeeded", "failed", "revoked"), 0
    )
    add(history, a_task("once"))
    add(history, a_task("twice", max_attempts=3, attempt=2, tries=2, version=6, attempts=[
        {"outcome": "worker_lost"}, {"outcome": "succeeded"}]))  # fmt: skip
    history.effects = [
        Effect("once", 1, "start", 7, 1.0), Effect("once", 1, "done", 7, 2.0),
        Effect("twice", 1, "start", 7, 1.0), Effect("twice", 1, "done", 7, 2.0),
        Effect("twice", 2, "start", 8, 5.0), Effect("twice", 2, "done", 8, 6.0),
    ]  # fmt: skip
    history.faults = [FaultSpan("kill", 2.1, 2.1)]
    history.samples = [
        seen("once", "running", 2, 1.5), seen("once", "succeeded", 3, 2.5),
        seen("twice", "running", 2, 1.5), seen("twice", "pending", 3, 3.0),
        seen("twice", "running", 5, 5.5, attempt=2), seen("twice", "succeeded", 6, 6.5, attempt=2),
    ]  # fmt: skip
    history.looks = [
        Look(at, [], 0, 4, 3, hints={"default": 9}, windows={"default": 64})
        for at in (1.0, 20.0, 40.0)
    ]
    history.processes = [ProcessFact("worker", True, 1, 1, 90.0)]
    add(history, a_task("after", depends_on=["once"], started_at=TIME.format(3),
        completed_at=TIME.format(4)))  # fmt: skip
    history.effects += [Effect("after", 1, "start", 7, 3.0), Effect("after", 1, "done", 7, 4.0)]
    history.slots = [Slot("nightly", TIME.format(0), "slot")]
    add(history, a_task("slot", user_id=None, args=[]))
    return history


def test_a_clean_history_has_no_violation() -> None:
    assert check(clean()) == []


def test_a_history_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    history = clean()
    assert History.load(history.save(tmp_path / "kept" / "history.json")) == history


def test_every_rule_of_the_list_is_in_the_table() -> None:
    assert list(RULES) == [f"C{number}" for number in range(1, 16)]


def lost_task(history: History) -> None:
    history.calls.append(posted("gone"))


def quiet_too_short(history: History) -> None:
    history.facts.settled = False


def unfinished_task(history: History) -> None:
    add(history, a_task("stuck", "running", completed_at=None))


def finished_status_changes(history: History) -> None:
    history.samples.append(seen("once", "failed", 4, 3.0))


def finished_status_differs_at_the_end(history: History) -> None:
    history.samples[1] = seen("once", "failed", 3, 2.5)


def status_goes_backwards(history: History) -> None:
    history.samples.insert(1, seen("once", "pending", 3, 2.0))


def version_goes_backwards(history: History) -> None:
    history.samples.insert(1, seen("once", "running", 1, 2.0))


def attempt_goes_backwards(history: History) -> None:
    history.samples.append(seen("twice", "running", 7, 7.0, attempt=1))


def runs_without_a_start(history: History) -> None:
    history.samples.insert(3, seen("twice", "pending", 4, 3.1, attempt=1))
    history.samples.insert(4, seen("twice", "running", 5, 3.2, attempt=1))


def double_run(history: History) -> None:
    history.effects.append(Effect("once", 2, "start", 9, 3.0))


def double_done(history: History) -> None:
    history.effects.append(Effect("once", 1, "done", 9, 3.0))


def success_without_done(history: History) -> None:
    history.effects = [e for e in history.effects if (e.task_id, e.phase) != ("once", "done")]


def done_of_another_attempt(history: History) -> None:
    history.effects[1] = Effect("once", 3, "done", 7, 2.0)


def retryable_success_without_done(history: History) -> None:
    history.effects = [e for e in history.effects if (e.task_id, e.phase) != ("twice", "done")]


def repeat_without_a_fault(history: History) -> None:
    history.faults = [FaultSpan("kill", 50.0, 51.0)]


def revoked_task_ran(history: History) -> None:
    add(history, a_task("never", "revoked", attempt=0, tries=0, started_at=None))
    history.effects.append(Effect("never", 1, "start", 9, 3.0))


def count_is_wrong(history: History) -> None:
    history.count["succeeded"] += 1


def task_nobody_submitted(history: History) -> None:
    add(history, a_task("stranger", args=[]))
    history.calls.pop()


def deleted_task_is_listed(history: History) -> None:
    history.calls.append(Call("DELETE", "/api/v1/tasks/once", None, 200, {}, 9.0, 9.1))


def too_many_tries(history: History) -> None:
    history.tasks["twice"]["tries"] = 4


def too_many_crashes(history: History) -> None:
    history.tasks["twice"]["attempts"] = [{"outcome": "worker_lost"}] * 4


def internal_error(history: History) -> None:
    history.calls.append(Call("GET", "/x", None, 500, {"detail": "oops"}, 1.0, 1.1))


def bad_gateway(history: History) -> None:
    history.calls.append(Call("GET", "/x", None, 502, "", 1.0, 1.1))


def unavailable_without_retry_after(history: History) -> None:
    history.calls.append(Call("GET", "/x", None, 503, {"detail": "later"}, 1.0, 1.1))


def traceback_in_a_body(history: History) -> None:
    text = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 1'
    history.calls.append(Call("GET", "/x", None, 422, {"detail": text}, 1.0, 1.1))


def statement_in_a_body(history: History) -> None:
    text = {"detail": "SELECT id FROM tasks WHERE 1"}
    history.calls.append(Call("GET", "/x", None, 503, text, 1.0, 1.1, "2"))


def driver_in_an_error(history: History) -> None:
    error = {"type": "worker_lost", "message": "psycopg.OperationalError: gone"}
    add(history, a_task("odd", "failed", error=error, args=[]))


def stuck_row(history: History) -> None:
    history.looks[1] = replace(history.looks[1], overdue=["once"])


def ready_row_beside_an_idle_worker(history: History) -> None:
    history.looks[1:] = [Look(at, [], 1, 4, 3) for at in (20.0, 26.0, 31.0)]


def progress_falls(history: History) -> None:
    history.samples[:1] = [
        seen("once", "running", 2, 1.5, progress=50.0),
        seen("once", "running", 2, 1.6, progress=40.0),
    ]


def progress_beyond_the_end(history: History) -> None:
    history.samples[0] = seen("once", "running", 2, 1.5, progress=101.0)


def started_before_it_was_created(history: History) -> None:
    history.tasks["once"]["started_at"] = "2029-01-31T08:00:00Z"


def finished_without_a_time(history: History) -> None:
    history.tasks["once"]["completed_at"] = None


def slot_fires_twice(history: History) -> None:
    add(history, a_task("again", user_id=None, args=[]))
    history.slots.append(Slot("nightly", TIME.format(0), "again"))


def slot_without_its_task(history: History) -> None:
    history.slots.append(Slot("nightly", TIME.format(5), "missing"))


def firing_without_a_slot(history: History) -> None:
    add(history, a_task("extra", user_id=None, args=[]))


def dead_process(history: History) -> None:
    history.processes[0] = replace(history.processes[0], alive=False)


def crash_loop(history: History) -> None:
    history.processes[0] = replace(history.processes[0], ended=3)


def memory_without_bound(history: History) -> None:
    history.processes[0] = replace(history.processes[0], largest_mb=5000.0)


def flooded_broker(history: History) -> None:
    history.looks[1] = replace(history.looks[1], hints={"default": 64 * 4 + 1})


def failed_without_a_start_and_ran(history: History) -> None:
    add(history, a_task("never", "failed", attempt=0, tries=0, started_at=None, args=[]))
    history.effects.append(Effect("never", 1, "start", 9, 3.0))


def dependent_that_started_early(history: History) -> None:
    history.tasks["after"]["started_at"] = TIME.format(1)


def dependent_whose_first_attempt_was_early(history: History) -> None:
    history.tasks["after"] |= {"max_attempts": 2, "attempt": 2, "tries": 2, "attempts": [
        {"outcome": "worker_lost", "started_at": TIME.format(1)},
        {"outcome": "succeeded", "started_at": TIME.format(3)}]}  # fmt: skip


def dependent_of_an_unfinished_one(history: History) -> None:
    history.tasks["once"]["completed_at"] = None


def dependent_with_an_early_effect(history: History) -> None:
    history.effects = [
        replace(e, time=1.5) if (e.task_id, e.phase) == ("after", "start") else e
        for e in history.effects
    ]


def dependent_of_a_lost_one_that_ran(history: History) -> None:
    history.tasks["once"] |= {"status": "failed"}


def dependent_that_ended_without_a_cause(history: History) -> None:
    add(history, a_task("ended", "failed", reason="dependency_failed", depends_on=["once"],
        attempt=0, tries=0, started_at=None, args=[]))  # fmt: skip


PLANTED: list[tuple[str, Callable[[History], None]]] = [
    ("C1", lost_task),
    ("C2", unfinished_task),
    ("C2", quiet_too_short),
    ("C3", finished_status_changes),
    ("C3", finished_status_differs_at_the_end),
    ("C3", status_goes_backwards),
    ("C3", version_goes_backwards),
    ("C3", attempt_goes_backwards),
    ("C3", runs_without_a_start),
    ("C4", double_run),
    ("C4", double_done),
    ("C4", success_without_done),
    ("C4", done_of_another_attempt),
    ("C5", retryable_success_without_done),
    ("C5", repeat_without_a_fault),
    ("C6", revoked_task_ran),
    ("C6", failed_without_a_start_and_ran),
    ("C7", count_is_wrong),
    ("C7", task_nobody_submitted),
    ("C7", deleted_task_is_listed),
    ("C8", too_many_tries),
    ("C8", too_many_crashes),
    ("C9", internal_error),
    ("C9", bad_gateway),
    ("C9", unavailable_without_retry_after),
    ("C9", traceback_in_a_body),
    ("C9", statement_in_a_body),
    ("C9", driver_in_an_error),
    ("C10", stuck_row),
    ("C10", ready_row_beside_an_idle_worker),
    ("C11", progress_falls),
    ("C11", progress_beyond_the_end),
    ("C11", started_before_it_was_created),
    ("C11", finished_without_a_time),
    ("C12", slot_fires_twice),
    ("C12", slot_without_its_task),
    ("C12", firing_without_a_slot),
    ("C13", dead_process),
    ("C13", crash_loop),
    ("C13", memory_without_bound),
    ("C14", flooded_broker),
    ("C15", dependent_that_started_early),
    ("C15", dependent_whose_first_attempt_was_early),
    ("C15", dependent_of_an_unfinished_one),
    ("C15", dependent_with_an_early_effect),
    ("C15", dependent_of_a_lost_one_that_ran),
    ("C15", dependent_that_ended_without_a_cause),
]


@pytest.mark.parametrize(
    ("rule", "plant"), PLANTED, ids=[f"{rule}-{plant.__name__}" for rule, plant in PLANTED]
)
def test_a_planted_violation_is_found(rule: str, plant: Callable[[History], None]) -> None:
    history = clean()
    plant(history)
    found = check(history)
    assert rule in {violation.rule for violation in found}, found


def tolerant(history: History) -> None:
    history.tasks["once"] |= {"status": "failed"}
    history.samples = [each for each in history.samples if each.task_id != "once"]
    history.count |= {"succeeded": 3, "failed": 1}
    (call,) = [each for each in history.calls if each.answer["id"] == "after"]
    body = {"depends_on": ["once"], "on_dependency_failure": "run"}
    history.calls[history.calls.index(call)] = replace(call, body=body)


def retried_by_hand(history: History) -> None:
    tolerant(history)
    (call,) = [each for each in history.calls if each.answer["id"] == "after"]
    retry = replace(call, body={}, path="/api/v1/tasks/first/retry")
    history.calls[history.calls.index(call)] = retry


def needed_one_was_deleted_later(history: History) -> None:
    history.tasks["after"]["depends_on"] = ["gone"]


@pytest.mark.parametrize("change", [tolerant, retried_by_hand, needed_one_was_deleted_later])
def test_dependents_may_run_all_the_same(change: Callable[[History], None]) -> None:
    history = clean()
    change(history)
    assert check(history) == []


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTED} == set(RULES)


def test_a_violation_names_its_rule_and_its_task() -> None:
    history = clean()
    lost_task(history)
    found = next(violation for violation in check(history) if violation.rule == "C1")
    assert str(found) == "C1: task gone: was accepted and does not exist"


# What looks like a violation and is none


def _unknown_submission(history: History) -> None:
    add(history, a_task("stranger", args=[]))
    history.calls[-1] = posted("?", None, answer="ReadTimeout")


def _deleted(history: History) -> None:
    lost_task(history)
    history.calls.append(Call("DELETE", "/api/v1/tasks/gone", None, 202, {}, 9.0, 9.1))


def _overlapping_requests(history: History) -> None:
    """The later answer is of the earlier state: both requests were under way together."""
    history.samples.append(seen("once", "running", 2, 2.6, asked=2.4))


def _marks_lost_in_a_crash(history: History) -> None:
    forgotten = seen("twice", "running", 4, 1.0), seen("twice", "pending", 1, 1.4, attempt=0)
    history.samples[2:2] = forgotten
    history.faults.append(FaultSpan(f"{DATABASE_CRASH} 10 s", 1.1, 1.3))


def _interrupted_and_requeued(history: History) -> None:
    attempts = [{"outcome": "interrupted"}, {"outcome": "succeeded"}]
    add(history, a_task("again", attempt=2, tries=1, version=9, attempts=attempts))
    history.effects += [
        Effect("again", 1, "start", 7, 1.0), Effect("again", 2, "start", 8, 3.0),
        Effect("again", 2, "done", 8, 4.0),
    ]  # fmt: skip
    history.samples += [seen("again", "running", 2, 1.5), seen("again", "pending", 3, 2.5)]


def _error_of_the_author(history: History) -> None:
    error = {"type": "builtins.ValueError", "message": "sqlalchemy", "traceback": "Traceback"}
    add(history, a_task("own", "failed", error=error, args=[]))


def _stuck_during_a_fault(history: History) -> None:
    stuck_row(history)
    history.faults.append(FaultSpan("worker cut off", 12.0, 30.0))


def _ready_rows_that_move(history: History) -> None:
    history.looks[1:] = [Look(float(at), [], 1, 4, at) for at in range(20, 40, 5)]


def _flooded_on_purpose(history: History) -> None:
    flooded_broker(history)
    history.faults.append(FaultSpan("messages doubled", 18.0, 19.0))


def _unavailable(history: History) -> None:
    history.calls.append(Call("GET", "/x", None, 503, {"detail": "later"}, 1.0, 1.1, "2"))


@pytest.mark.parametrize(
    "harmless",
    [
        _unknown_submission,
        _deleted,
        _overlapping_requests,
        _marks_lost_in_a_crash,
        _interrupted_and_requeued,
        _error_of_the_author,
        _stuck_during_a_fault,
        _ready_rows_that_move,
        _flooded_on_purpose,
        _unavailable,
    ],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Callable[[History], None]) -> None:
    history = clean()
    harmless(history)
    assert check(history) == []


def test_a_claim_that_must_last_may_not_be_forgotten() -> None:
    history = clean()
    history.faults.append(FaultSpan(DATABASE_CRASH, 1.55, 1.6))
    history.samples.insert(1, seen("once", "pending", 1, 1.7, attempt=0))
    assert "C3" in {violation.rule for violation in check(history)}
