"""A history made by hand in which nothing is wrong, for whoever plants something in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.support.chaos.checker import check
from tests.support.chaos.faults import Kind
from tests.support.chaos.history import (
    Call,
    End,
    Facts,
    FaultSpan,
    History,
    Look,
    PartLife,
    Process,
    Sample,
    Schedule,
    Slot,
)
from tests.support.chaos.violation import Violation
from tests.support.effects import Effect

LOG = "/effects.log"
SHORT = "tests.support.chaos.tasks.short"
DEADLY = "tests.support.chaos.tasks.kills_itself"
BURST = "tests.support.chaos.tasks.burst_short"
TIME = "2030-01-31T08:00:0{}Z"
SLOT_SECONDS = 10.0
Plant = Callable[[History], None]


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


def moment(at: float) -> str:
    """Seconds as the database shows them."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def fire(history: History, slot: float, at: float | None = None) -> None:
    """One more slot has fired, 0.2 s after it had come, or when it is said."""
    task_id = f"slot {slot:g}"
    fired = slot + 0.2 if at is None else at
    history.slots.append(Slot("nightly", moment(slot), task_id, moment(fired)))
    add(history, a_task(task_id, user_id=None, args=[]))


def look(at: float, **changes: Any) -> Look:
    """A look at which nothing waits."""
    empty = Look(at, [], 0, 4, 3, hints={"default": 9}, windows={"default": 64})
    return replace(empty, **changes)


def clean() -> History:
    """Tasks that run once, are retried after a kill, and stand for the slots of a schedule."""
    history = History(
        Facts(
            effect_log=LOG,
            complete_functions=[SHORT],
            deadly_functions=[DEADLY],
            burst_functions=[BURST],
        )
    )
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
    history.faults = [FaultSpan("kill", 2.1, 2.1, Kind.CHILD, "worker", 7)]
    history.samples = [
        seen("once", "running", 2, 1.5), seen("once", "succeeded", 3, 2.5),
        seen("twice", "running", 2, 1.5), seen("twice", "pending", 3, 3.0),
        seen("twice", "running", 5, 5.5, attempt=2), seen("twice", "succeeded", 6, 6.5, attempt=2),
    ]  # fmt: skip
    history.looks = [look(at) for at in range(1, 42)]
    history.parts = [PartLife("worker", 0.0), PartLife("beat", 0.0, None, 2.0)]
    steady = [(float(at), 90.0) for at in range(42)]
    history.processes = [
        Process("worker", "agent", 5, steady),
        Process("worker", "children", 8, []),
    ]
    history.ends = [End("worker", 2.2, "signal 9 (SIGKILL)", 7)]
    for slot in (10, 20, 30):
        fire(history, slot)
    history.schedules = [Schedule("nightly", SLOT_SECONDS, moment(40))]
    history.facts.ended = 42.0
    return history


def violations(plant: Plant) -> list[Violation]:
    """What the checker says of a clean history in which something was planted."""
    history = clean()
    plant(history)
    return check(history)


def rules(plant: Plant) -> set[str]:
    """The rules that were broken."""
    return {violation.rule for violation in violations(plant)}
