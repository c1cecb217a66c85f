"""What is known of the system at one moment, from answers and from the event stream.

Times that are called `at` are seconds of a clock that only runs forward; nothing here asks it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.cli.drawing import flat
from app.cli.top.questions import FAILED_LIMIT, RUNNING_LIMIT

SHOWN = ("running", "failed")
LIMITS = {"running": RUNNING_LIMIT, "failed": FAILED_LIMIT}
# As a stream goes on for days, failures gather.
FAILURES_KEPT = 200
RATE_SECONDS = 10.0
# What is kept of a task; results and arguments may be large and are not shown.
_KEPT = (
    "id", "name", "celery_task_name", "queue", "status", "reason", "progress", "progress_message",
    "worker", "started_at", "completed_at", "cancel_requested_at", "version",
)  # fmt: skip
_ENDINGS = ("succeeded", "failed", "revoked")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the screen: a `queue`, a `worker`, a `running` task or a `failed` one."""

    kind: str
    key: str
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """For people."""
        return str(self.data["name"])


@dataclass(slots=True)
class _Seen:
    task: dict[str, Any]
    heard_at: float


@dataclass(slots=True)
class Picture:
    """The system as far as its API has told; parts that the token may not read are None."""

    url: str
    user: str
    role: str
    scopes: frozenset[str]
    totals: dict[str, int] | None = None
    queues: list[dict[str, Any]] | None = None
    workers: list[dict[str, Any]] | None = None
    # Why the API does not answer, and when it last did.
    lost: str | None = None
    heard_at: float = 0.0
    # Whether the event stream tells what changes.
    streaming: bool = False
    # How much the server's clock is ahead of ours, in seconds.
    ahead: float = 0.0
    _tasks: dict[str, _Seen] = field(default_factory=dict)
    # Versions with which tasks left the screen, so that an older answer does not bring them back.
    _left: dict[str, int] = field(default_factory=dict)
    _begun_at: float = 0.0
    _finished: deque[tuple[float, int]] = field(default_factory=deque)

    @classmethod
    def of(cls, url: str, me: dict[str, Any]) -> Picture:
        """Of a system that has told nothing yet but who asks."""
        return cls(url, me["email"], me["role"], frozenset(me["scopes"]))

    # What is told

    def take(self, name: str, answer: Any, asked_at: float, at: float) -> None:
        """Take in an answer to one of the questions; None where the token may no longer ask."""
        if name in SHOWN:
            self._compare(name, answer or [], asked_at, at)
            return
        setattr(self, name, answer)
        if name == "totals" and answer is not None:
            self._finished.append((at, sum(answer[each] for each in _ENDINGS)))
            while len(self._finished) > 2 and at - self._finished[0][0] > RATE_SECONDS:
                self._finished.popleft()

    def begin_stream(self, at: float) -> None:
        """A stream is open; it begins with everything there is."""
        self._begun_at = at

    def hear(self, event: str, data: dict[str, Any], at: float) -> None:
        """Take in an event of the stream."""
        if event == "task":
            self._put(data, at)
        elif event == "deleted":
            self._drop(data["id"], sys.maxsize)
        elif event == "ready":
            # What it has not told by now does not exist.
            for task_id, seen in list(self._tasks.items()):
                if seen.heard_at < self._begun_at:
                    del self._tasks[task_id]
            self.streaming = True

    def _compare(
        self, status: str, listed: list[dict[str, Any]], asked_at: float, at: float
    ) -> None:
        """Make the tasks of this status those of the list, which was read after `asked_at`."""
        for task in listed:
            self._put(task, at)
        ids = {task["id"] for task in listed}
        # A full list ends somewhere, and says nothing about older tasks. Ids sort by creation.
        oldest = min(ids) if len(ids) >= LIMITS[status] else ""
        for task_id, seen in list(self._tasks.items()):
            gone = task_id not in ids and seen.task["status"] == status and task_id > oldest
            if gone and seen.heard_at < asked_at:
                del self._tasks[task_id]
        self._left.clear()

    def _put(self, task: dict[str, Any], at: float) -> None:
        task_id, version = task["id"], task["version"]
        known = self._tasks.get(task_id)
        if version <= self._left.get(task_id, -1):
            return
        if known is not None and version < known.task["version"]:
            return
        if task["status"] not in SHOWN:
            self._drop(task_id, version)
            return
        self._tasks[task_id] = _Seen(_slim(task), at)
        if task["status"] == "failed" and len(self._tasks) > 2 * FAILURES_KEPT:
            self._forget_old_failures()

    def _drop(self, task_id: str, version: int) -> None:
        self._tasks.pop(task_id, None)
        self._left[task_id] = version

    def _forget_old_failures(self) -> None:
        for task in self._with("failed")[FAILURES_KEPT:]:
            del self._tasks[task["id"]]

    # What is shown

    def rows(self, words: str = "") -> dict[str, list[Row]]:
        """The lines in which `words` occur, by kind; kinds that one may not see are absent."""
        found: dict[str, list[Row]] = {}
        if self.queues is not None:
            found["queue"] = [Row("queue", each["name"], each) for each in self.queues]
        if self.workers is not None:
            found["worker"] = [Row("worker", each["name"], each) for each in self.workers]
        if "tasks:read" in self.scopes:
            for status in SHOWN:
                found[status] = [Row(status, each["id"], each) for each in self._with(status)]
        words = words.lower()
        return {
            kind: [row for row in rows if not words or words in _haystack(row)]
            for kind, rows in found.items()
        }

    def _with(self, status: str) -> list[dict[str, Any]]:
        """Running tasks, longest first; failed ones, newest first."""
        tasks = [seen.task for seen in self._tasks.values() if seen.task["status"] == status]
        when = "started_at" if status == "running" else "completed_at"
        return sorted(
            tasks, key=lambda task: (task[when] or "", task["id"]), reverse=status == "failed"
        )

    def rate(self) -> float | None:
        """Tasks finished each second, lately; None as long as it cannot be told."""
        if len(self._finished) < 2:
            return None
        (first_at, first), (last_at, last) = self._finished[0], self._finished[-1]
        # Deleting finished tasks makes the number smaller.
        return max(last - first, 0) / max(last_at - first_at, 0.001)


def flattened(rows: dict[str, list[Row]]) -> Sequence[Row]:
    """All lines in their order on the screen."""
    return [row for part in rows.values() for row in part]


def _haystack(row: Row) -> str:
    names = ("name", "id", "celery_task_name", "queue", "worker", "error")
    return "\n".join(str(row.data.get(name) or "") for name in names).lower()


def _slim(task: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: task.get(name) for name in _KEPT}
    error = task.get("error")
    told = f"{error['type']}: {error['message']}" if error else task.get("reason") or ""
    return {**kept, "error": flat(told)}
