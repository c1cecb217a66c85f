"""Waiting rows that cannot run: past their expiry, or of a function nobody has."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app import events
from app.core.config import get_settings
from app.db.session import Database
from app.maintenance.report import Report
from app.queries import feed, leases
from app.services.catalogue import catalogue


@dataclass(frozen=True, slots=True)
class RejectReport(Report):
    """`expired` rows were revoked, `unknown` ones failed as not registered."""

    expired: int = 0
    unknown: int = 0


def run_once(database: Database, limit: int) -> RejectReport:
    """Revoke expired rows and fail those whose function no live worker knows.

    A function that this process knows is not unknown: workers of that version may be starting.
    Without any live worker nothing is concluded.
    """
    expired = database.execute(feed.expire(limit)).column()
    unknown: list[uuid.UUID] = []
    workers = database.execute(leases.live_workers_values(get_settings().lease_seconds)).all()
    if workers:
        known = {name for worker in workers for name in worker.catalogue}
        known |= set(catalogue().tasks)
        for name in database.execute(feed.pending_names()).column():
            if name not in known:
                unknown += database.execute(feed.reject_unknown(name, _error(name), limit)).column()
    events.changed([*expired, *unknown])
    return RejectReport(len(expired), len(unknown))


def _error(name: str) -> dict[str, str | int | None]:
    return {
        "type": "not_registered",
        "message": f"Task {name} not registered: no live worker has this function; import it in "
        "app/tasks/__init__.py or name its module in TASK_MODULES, and restart the workers",
        "traceback": None,
        "attempt": 0,
    }
