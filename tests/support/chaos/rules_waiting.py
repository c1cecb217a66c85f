"""Rules about tasks that wait for others: when they started, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.support.chaos.history import History
from tests.support.chaos.rules_execution import ending
from tests.support.chaos.violation import Violation
from tests.support.effects import Effect

SUCCEEDED, LOST = "succeeded", ("failed", "revoked")
WORKER_LOST = "worker_lost"
SPREAD = ("dependency_failed", "dependency_revoked")


def dependents_come_after(history: History) -> Iterator[Violation]:
    """C15: a task starts after all that it needs, and with the policy `fail` only if they succeed.

    One that is gone from the dump was deleted, after everybody who needed it.
    """
    policies = _policies(history)
    for task_id, task in history.tasks.items():
        needed = [history.tasks[each] for each in _needs(task) if each in history.tasks]
        yield from _started_early(history, task, needed)
        lost = [each["id"] for each in needed if each["status"] in LOST]
        strict = policies.get(task_id) == "fail"
        if strict and lost and task["attempt"]:
            yield Violation("C15", task_id, f"started although {lost[0]}, which it needs, did not")
        if strict and lost and task["status"] == SUCCEEDED:
            yield Violation("C15", task_id, f"succeeded although {lost[0]} did not")
        if task["reason"] in SPREAD and not (lost or len(needed) < len(_needs(task))):
            yield Violation("C15", task_id, f"is {task['reason']}, and all it needs succeeded")


def _started_early(
    history: History, task: dict[str, Any], needed: list[dict[str, Any]]
) -> Iterator[Violation]:
    started = _first_start(task)
    if started is None:
        return
    begun = [e.time for e in history.effects if e.task_id == task["id"]] if needed else []
    for each in needed:
        ended = each["completed_at"]
        if ended is None or datetime.fromisoformat(ended) > started:
            yield Violation(
                "C15", task["id"], f"started at {started}, and {each['id']} ended at {ended}"
            )
        done = [
            e.time
            for e in history.effects
            if (e.task_id, e.phase) == (each["id"], "done") and not _was_given_up(history, each, e)
        ]
        if begun and done and min(begun) < max(done):
            yield Violation("C15", task["id"], f"has effects before {each['id']} was done")


def _was_given_up(history: History, task: dict[str, Any], done: Effect) -> bool:
    """Whether the attempt's worker was taken for dead under a fault: thawed, its code goes on."""
    attempts = task.get("attempts", [])
    if not any(a["attempt"] == done.attempt and ending(a) == WORKER_LOST for a in attempts):
        return False
    begun = min(
        (e.time for e in history.effects if (e.task_id, e.attempt) == (task["id"], done.attempt)),
        default=done.time,
    )
    return any(fault.overlaps(begun, done.time) for fault in history.faults)


def _needs(task: dict[str, Any]) -> list[str]:
    return list(task.get("depends_on") or ())


def _first_start(task: dict[str, Any]) -> datetime | None:
    """When the first attempt began, by the database's clock."""
    times = [each.get("started_at") for each in task.get("attempts", [])] + [task["started_at"]]
    known = [datetime.fromisoformat(time) for time in times if time is not None]
    return min(known, default=None)


def _policies(history: History) -> dict[str, str]:
    """What each submission said about the failure of what it needs. Retries are not among them."""
    return {
        call.answer["id"]: call.body.get("on_dependency_failure", "fail")
        for call in history.calls
        if call.accepted
        and call.method == "POST"
        and isinstance(call.body, dict)
        and isinstance(call.answer, dict)
        and "id" in call.answer
        and not call.path.endswith("/retry")
    }
