"""Waiting rows that cannot run: past their expiry, or of a function nobody has."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from app import dispatch, events
from app.core.config import get_settings
from app.db.session import Database
from app.domain.rank import Priority
from app.maintenance.report import Report
from app.queries import feed, leases
from app.services.catalogue import catalogue
from app.void_hints import VoidHints

# How long nobody may know a function before its tasks fail; longer, by a worker's restart, if
# somebody knew it lately.
PATIENCE_SECONDS = 3.0
RETURN_SECONDS = 7.0
LATELY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RejectReport(Report):
    """`expired` rows were revoked, `unknown` ones failed as not registered."""

    expired: int = 0
    unknown: int = 0


class Reject:
    """Remembers since when which function was unknown to every live worker."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unknown_since: dict[str, float] = {}
        self._known_at: dict[str, float] = {}
        self._void = VoidHints(database)

    def run_once(self, limit: int, patience: float | None = None) -> RejectReport:
        """Revoke expired rows and fail those whose function no live worker knows.

        Not at once: the one that knows it may be restarting just now. A function that this
        process knows is not unknown: workers of that version may be starting. Without any live
        worker nothing is concluded.
        """
        expired = self._database.execute(feed.expire(limit)).column()
        unknown: dict[uuid.UUID, str] = {}
        for name, since in self._look().items():
            allowed = self._patience(name) if patience is None else patience
            if time.monotonic() - since >= allowed:
                statement = feed.reject_unknown(name, _error(name), limit)
                unknown |= {row.id: row.queue for row in self._database.execute(statement).all()}
        self._sweep(set(unknown.values()))
        events.changed([*expired, *unknown])
        if expired or unknown:
            dispatch.freed()
        return RejectReport(len(expired), len(unknown))

    def _sweep(self, queues: set[str]) -> None:
        """Each of their hints would cost the worker that reads it a pause, and hold up others."""
        for queue in sorted(queues):
            for level in Priority:
                self._void.sweep(queue, level)

    def _look(self) -> dict[str, float]:
        silence = get_settings().lease_seconds
        workers = self._database.execute(leases.live_workers_values(silence)).all()
        known = {name for worker in workers for name in worker.catalogue}
        known |= set(catalogue().tasks)
        waited_for = self._database.execute(feed.pending_names()).column() if workers else []
        now = time.monotonic()
        self._known_at |= dict.fromkeys(known, now)
        self._unknown_since = {
            name: self._unknown_since.get(name, now) for name in waited_for if name not in known
        }
        return self._unknown_since

    def _patience(self, name: str) -> float:
        known_at = self._known_at.get(name)
        lately = known_at is not None and time.monotonic() - known_at < LATELY_SECONDS
        return RETURN_SECONDS if lately else PATIENCE_SECONDS


def _error(name: str) -> dict[str, str | int | None]:
    return {
        "type": "not_registered",
        "message": f"Task {name} not registered: no live worker has this function; import it in "
        "app/tasks/__init__.py or name its module in TASK_MODULES, and restart the workers",
        "traceback": None,
        "attempt": 0,
    }
