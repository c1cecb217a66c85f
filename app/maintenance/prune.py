"""Removing what has served its time."""

from __future__ import annotations

from dataclasses import dataclass

from app import events
from app.core.config import get_settings
from app.db.session import Database
from app.maintenance.report import Report
from app.queries import audit, bulk, deliveries, intake, leases, limits, removal, users
from app.queries.types import DeletedRows
from app.services.intake import IDEMPOTENCY_SECONDS

DAY_SECONDS = 86_400.0
WORKER_SILENCE_SECONDS = 3600.0
MAX_BATCHES = 20


@dataclass(frozen=True, slots=True)
class PruneReport(Report):
    """Rows removed: finished tasks, bulk operations and deliveries of webhooks past retention,
    deletions that waited for an attempt, deliveries whose webhook is gone, old audit entries."""

    tasks: int = 0
    deleted: int = 0
    workers: int = 0
    operations: int = 0
    deliveries: int = 0
    entries: int = 0


def run_once(database: Database, batch: int) -> PruneReport:
    """Remove in batches, so that no lock is held for long."""
    deleted = database.execute(removal.remove_where_requested(batch)).all()
    events.deleted([(row.id, row.user_id) for row in deleted])
    database.execute(intake.drop_keys(IDEMPOTENCY_SECONDS))
    _in_batches(database, limits.forget_uses(batch), batch)
    database.execute(users.forget_sign_ins(DAY_SECONDS))
    silent = database.execute(leases.forget_silent_workers(WORKER_SILENCE_SECONDS)).all()
    days = get_settings().retention_days
    tasks = operations = 0
    told = _deliveries_of_nobody(database, batch)
    if days:
        tasks = _tasks_before(database, days, batch)
        operations = _operations_before(database, days)
        old = deliveries.forget_before(days * DAY_SECONDS, batch)
        told += _in_batches(database, old, batch)
    entries = _entries_before(database, batch)
    return PruneReport(tasks, len(deleted), len(silent), operations, told, entries)


def _entries_before(database: Database, batch: int) -> int:
    days = get_settings().audit_retention_days
    old = audit.forget_before(days * DAY_SECONDS, batch)
    return _in_batches(database, old, batch) if days else 0


def _deliveries_of_nobody(database: Database, batch: int) -> int:
    removed = database.execute(deliveries.removed_webhooks(), {"most": MAX_BATCHES}).column()
    return _in_batches(database, deliveries.forget_of(removed, batch), batch) if removed else 0


def _in_batches(database: Database, statement: DeletedRows, batch: int) -> int:
    """Repeat what removes at most a batch; how many rows are gone."""
    removed = 0
    for _ in range(MAX_BATCHES):
        gone = len(database.execute(statement).all())
        removed += gone
        if gone < batch:
            break
    return removed


def _operations_before(database: Database, days: float) -> int:
    # One a transaction: it goes with its items, which may be very many.
    statement = bulk.forget_one_ended_before(days * DAY_SECONDS)
    removed = 0
    while removed < MAX_BATCHES and database.execute(statement).all():
        removed += 1
    return removed


def _tasks_before(database: Database, days: float, batch: int) -> int:
    removed = 0
    for _ in range(MAX_BATCHES):
        with database.transaction() as connection:
            chosen = leases.lock_finished_before(days * DAY_SECONDS, batch)
            ids = list(connection.scalars(chosen))
            rows = connection.execute(removal.remove_finished(ids)).all() if ids else []
        events.deleted([(row.id, row.user_id) for row in rows])
        removed += len(rows)
        if len(rows) < batch:
            break
    return removed
