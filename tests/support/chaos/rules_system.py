"""Rules about the system: its answers, its queues, its processes, its schedules, its broker."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from tests.support.chaos.history import Call, History, Look
from tests.support.chaos.violation import Violation

BUSY = frozenset({429, 503})
STUCK_SECONDS = 10.0
WINDOWS = 4
# Restarts that no fault explains: one may be bad luck, a second one is a loop.
LOOP = 2
# What only the inside of the system says: a traceback, a file of its own, a statement, a driver.
_INSIDE = re.compile(
    r"Traceback \(most recent|File \"|/site-packages/|/app/\w+/\w+\.py|\.py\", line|sqlalchemy|"
    r"psycopg|sqlite3|asyncpg|\bSELECT .+ FROM\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|"
    r"\bDELETE FROM\b|database is locked"
)
# Messages that the system itself writes about an attempt; an exception's are its author's.
_OWN_ERRORS = frozenset(
    {"worker_lost", "timeout", "interrupted", "quarantined", "memory_limit", "not_registered",
     "cancelled", "dependency_failed", "dependency_revoked"}
)  # fmt: skip


def answers_are_designed(history: History) -> Iterator[Violation]:
    """C9: no 500; 503 and 429 say when to come back; no body shows the inside."""
    for call in history.calls:
        if call.status is None or call.status < 400:
            continue
        where = f"{call.method} {call.path}: {call.status}"
        if call.status >= 500 and call.status not in BUSY:
            yield Violation("C9", None, f"{where}: {_text(call)[:300]}")
        if call.status in BUSY and call.retry_after is None:
            yield Violation("C9", None, f"{where} without Retry-After")
        if inside := _INSIDE.search(_text(call)):
            yield Violation("C9", None, f"{where} shows {inside.group()!r}: {_text(call)[:300]}")
    for task_id, task in history.tasks.items():
        error = task["error"] or {}
        message = str(error.get("message", "")) if error.get("type") in _OWN_ERRORS else ""
        if inside := _INSIDE.search(message):
            yield Violation("C9", task_id, f"its error shows {inside.group()!r}: {message[:300]}")


def _text(call: Call) -> str:
    return call.answer if isinstance(call.answer, str) else json.dumps(call.answer)


def nothing_is_stuck(history: History) -> Iterator[Violation]:
    """C10: no running row without a lease; no ready row while a worker has nothing to do.

    Judged where no fault was, nor one within the lease and grace before.
    """
    since: Look | None = None
    stuck: set[str] = set()
    for look in history.looks:
        if not _calm(history, look.at, history.facts.lease_seconds + history.facts.grace_seconds):
            since = None
            continue
        for task_id in set(look.overdue) - stuck:
            stuck.add(task_id)
            yield Violation("C10", task_id, "runs although its lease is long over")
        if not look.ready or not look.idle or (since and since.starts != look.starts):
            since = None
        elif since is None:
            since = look
        elif look.at - since.at >= STUCK_SECONDS:
            yield Violation(
                "C10", None,
                f"{look.ready} ready rows and {look.idle} idle slots, and nothing started in "
                f"{look.at - since.at:.0f} s",
            )  # fmt: skip
            since = None


def _calm(history: History, at: float, patience: float) -> bool:
    return not any(fault.overlaps(at - patience, at) for fault in history.faults)


def every_slot_fires_once(history: History) -> Iterator[Violation]:
    """C12: one task for each slot of a schedule, and one slot for each of those tasks."""
    for (schedule, fire_at), number in Counter(
        (slot.schedule, slot.fire_at) for slot in history.slots
    ).items():
        if number > 1:
            yield Violation("C12", None, f"{schedule} fired {number} times for {fire_at}")
    for task_id, number in Counter(slot.task_id for slot in history.slots).items():
        if number > 1:
            yield Violation("C12", task_id, f"stands for {number} slots")
        if task_id not in history.tasks:
            yield Violation("C12", task_id, "a slot fired, and its task does not exist")
    known = {slot.task_id for slot in history.slots}
    for task_id, task in history.tasks.items() if known else ():
        if task["user_id"] is None and task["parent_id"] is None and task_id not in known:
            yield Violation("C12", task_id, "is the system's own and stands for no slot")


def processes_live(history: History) -> Iterator[Violation]:
    """C13: what should live does, does not end again and again, and does not grow without end."""
    for process in history.processes:
        if not process.alive:
            yield Violation("C13", None, f"{process.name} is not alive")
        if process.ended - process.explained >= LOOP:
            yield Violation(
                "C13", None,
                f"{process.name} had {process.ended} ends, {process.explained} of them explained",
            )  # fmt: skip
        if process.largest_mb > history.facts.memory_limit_mb:
            yield Violation("C13", None, f"{process.name} grew to {process.largest_mb:g} MB")


def the_broker_holds_a_window(history: History) -> Iterator[Violation]:
    """C14: where no fault is, the broker holds at most four windows of messages."""
    for look in history.looks:
        if not _calm(history, look.at, history.facts.grace_seconds):
            continue
        for queue, messages in look.hints.items():
            bound = WINDOWS * look.windows.get(queue, 0)
            if messages > bound:
                yield Violation("C14", None, f"{messages} messages of {queue}, at most {bound}")
                return
