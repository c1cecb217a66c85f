"""The history checker: silent about a clean history, and each rule finds what is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chaos.checker import RULES, check
from tests.support.chaos.faults import Kind
from tests.support.chaos.history import DATABASE_CRASH, Call, FaultSpan, History
from tests.support.chaos.samples import (
    BURST,
    SHORT,
    Plant,
    a_task,
    add,
    clean,
    posted,
    rules,
    seen,
    violations,
)
from tests.support.effects import Effect
from tests.unit.test_history_checker_system import PLANTED as SYSTEM

# C12, C13 and C15 have files of their own.
ELSEWHERE = {"C12", "C13", "C15", *(rule for rule, _ in SYSTEM)}


def test_a_clean_history_has_no_violation() -> None:
    assert check(clean()) == []


def test_a_history_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    history = clean()
    assert History.load(history.save(tmp_path / "kept" / "history.json")) == history


def test_every_rule_of_the_list_is_in_the_table() -> None:
    assert list(RULES) == [f"C{number}" for number in range(1, 17)]


def lost_task(history: History) -> None:
    history.calls.append(posted("gone"))


def lost_task_whose_deletion_was_refused(history: History) -> None:
    lost_task(history)
    history.calls.append(Call("DELETE", "/api/v1/tasks/gone", None, 409, {}, 9.0, 9.1))


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


def _taken_back(history: History, function: str, begun: float) -> None:
    """Claimed at 1, pending again from 2 on, with a body that began then; it runs later."""
    add(history, a_task("back", celery_task_name=function, max_attempts=9, version=5))
    history.effects += [
        Effect("back", 1, "start", 7, begun), Effect("back", 1, "done", 7, begun + 0.1),
    ]  # fmt: skip
    history.samples += [seen("back", "running", 2, 1.5), seen("back", "pending", 3, 2.5, attempt=0)]


def row_of_a_burst_is_taken_back_after_its_begin(history: History) -> None:
    _taken_back(history, BURST, begun=2.0)


def ordinary_attempt_is_taken_back(history: History) -> None:
    _taken_back(history, SHORT, begun=4.0)


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


def fourth_crash_ends_it(history: History) -> None:
    last = {"outcome": "failed", "error": {"type": "quarantined"}}
    history.tasks["twice"]["attempts"] = [{"outcome": "worker_lost"}] * 3 + [last]


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


def failed_without_a_start_and_ran(history: History) -> None:
    add(history, a_task("never", "failed", attempt=0, tries=0, started_at=None, args=[]))
    history.effects.append(Effect("never", 1, "start", 9, 3.0))


PLANTED: list[tuple[str, Plant]] = [
    ("C1", lost_task),
    ("C1", lost_task_whose_deletion_was_refused),
    ("C2", unfinished_task),
    ("C2", quiet_too_short),
    ("C3", finished_status_changes),
    ("C3", finished_status_differs_at_the_end),
    ("C3", status_goes_backwards),
    ("C3", version_goes_backwards),
    ("C3", attempt_goes_backwards),
    ("C3", row_of_a_burst_is_taken_back_after_its_begin),
    ("C3", ordinary_attempt_is_taken_back),
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
    ("C8", fourth_crash_ends_it),
    ("C11", progress_falls),
    ("C11", progress_beyond_the_end),
    ("C11", started_before_it_was_created),
    ("C11", finished_without_a_time),
]


@pytest.mark.parametrize(
    ("rule", "plant"), PLANTED, ids=[f"{rule}-{plant.__name__}" for rule, plant in PLANTED]
)
def test_a_planted_violation_is_found(rule: str, plant: Plant) -> None:
    assert rule in rules(plant), violations(plant)


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTED} | ELSEWHERE == set(RULES)


def test_a_violation_names_its_rule_and_its_task() -> None:
    (found,) = violations(lost_task)
    assert str(found) == "C1: task gone: was accepted and does not exist"


# What looks like a violation and is none


def _unknown_submission(history: History) -> None:
    add(history, a_task("stranger", args=[]))
    history.calls[-1] = posted("?", None, answer="ReadTimeout")


def _deleted(history: History) -> None:
    lost_task(history)
    history.calls.append(Call("DELETE", "/api/v1/tasks/gone", None, 202, {}, 9.0, 9.1))


def _row_of_a_burst_taken_back(history: History) -> None:
    _taken_back(history, BURST, begun=4.0)


def _perhaps_deleted(history: History) -> None:
    lost_task(history)
    history.calls.append(Call("DELETE", "/api/v1/tasks/gone", None, None, "ReadError", 9.0, 9.1))


def _overlapping_requests(history: History) -> None:
    """The later answer is of the earlier state: both requests were under way together."""
    history.samples.append(seen("once", "running", 2, 2.6, asked=2.4))


def _marks_lost_in_a_crash(history: History) -> None:
    forgotten = seen("twice", "running", 4, 1.0), seen("twice", "pending", 1, 1.4, attempt=0)
    history.samples[2:2] = forgotten
    history.faults.append(FaultSpan(f"{DATABASE_CRASH} 10 s", 1.1, 1.3, Kind.DATABASE))


def _interrupted_and_requeued(history: History) -> None:
    attempts = [{"outcome": "interrupted"}, {"outcome": "succeeded"}]
    add(history, a_task("again", attempt=2, tries=1, version=9, attempts=attempts))
    history.effects += [
        Effect("again", 1, "start", 7, 1.0), Effect("again", 2, "start", 8, 3.0),
        Effect("again", 2, "done", 8, 4.0),
    ]  # fmt: skip
    history.samples += [seen("again", "running", 2, 1.5), seen("again", "pending", 3, 2.5)]


@pytest.mark.parametrize(
    "harmless",
    [
        _unknown_submission,
        _deleted,
        _perhaps_deleted,
        _row_of_a_burst_taken_back,
        _overlapping_requests,
        _marks_lost_in_a_crash,
        _interrupted_and_requeued,
    ],
)
def test_what_only_looks_wrong_is_no_violation(harmless: Plant) -> None:
    assert violations(harmless) == []


def test_a_claim_that_must_last_may_not_be_forgotten() -> None:
    def plant(history: History) -> None:
        history.faults.append(FaultSpan(DATABASE_CRASH, 1.55, 1.6, Kind.DATABASE))
        history.samples.insert(1, seen("once", "pending", 1, 1.7, attempt=0))

    assert "C3" in rules(plant)
