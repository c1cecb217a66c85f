"""Rules about the system: its answers, its queues, its broker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.support.chaos.faults import excuses, is_excused
from tests.support.chaos.history import Call, History, Look
from tests.support.chaos.violation import Violation

BUSY = frozenset({429, 503})
# Whatever was done to it, the system works again within ten seconds.
STUCK_SECONDS = 10.0
# Between looks that are further apart than this anything may have happened.
BLIND_SECONDS = 3.0
WINDOWS = 4
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
    """C10: no running row without a lease; no ready row while a worker has nothing to do."""
    yield from _overdue(history)
    yield from _idle(history)


def _overdue(history: History) -> Iterator[Violation]:
    """Running rows whose lease is long over, though somebody was there to rescue them."""
    excused = excuses(history, "rescue")
    told: set[str] = set()
    for look in history.looks:
        if is_excused(excused, look.at):
            continue
        for task_id in sorted(set(look.overdue) - told):
            told.add(task_id)
            yield Violation("C10", task_id, "runs although its lease is long over")


def _idle(history: History) -> Iterator[Violation]:
    """Ready rows and idle slots, look after look, and nothing starts."""
    excused = excuses(history, "start")
    since: Look | None = None
    before: Look | None = None
    for look in history.looks:
        blind = before is not None and look.at - before.at > BLIND_SECONDS
        before = look
        moved = since is not None and since.starts != look.starts
        if blind or moved or not look.ready or not look.idle or is_excused(excused, look.at):
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


def no_limit_is_exceeded(history: History) -> Iterator[Violation]:
    """C16: no more tasks are handed out or running than their limits let, whatever happens."""
    told: set[str] = set()
    for look in history.looks:
        for limit in sorted(set(look.exceeded) - told):
            told.add(limit)
            yield Violation("C16", None, f"{limit} are out at {look.at:.1f}")


def the_broker_holds_a_window(history: History) -> Iterator[Violation]:
    """C14: the broker holds at most four windows of messages, also while everything else fails.

    The window of a queue is the largest that it had so far: when workers go it shrinks at once,
    and what is out stays out.
    """
    excused = excuses(history, "messages")
    windows: dict[str, int] = {}
    told: set[str] = set()
    for look in history.looks:
        for queue, window in look.windows.items():
            windows[queue] = max(window, windows.get(queue, 0))
        if is_excused(excused, look.at):
            continue
        for queue, messages in look.hints.items():
            bound = WINDOWS * windows.get(queue, 0)
            if messages > bound and queue not in told:
                told.add(queue)
                yield Violation("C14", None, f"{messages} messages of {queue}, at most {bound}")
