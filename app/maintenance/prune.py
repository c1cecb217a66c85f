"""Removing what has served its time: a batch of one kind a transaction, so that no lock is held for long.

How often that is, is for whoever asks for the next batch to say: see `retention`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from itertools import islice

from app import events
from app.core.config import get_settings
from app.db.session import Database
from app.maintenance.report import Report
from app.queries import audit, bulk, deliveries, intake, leases, limits, removal, users
from app.services.intake import IDEMPOTENCY_SECONDS

DAY_SECONDS = 86_400.0
WORKER_SILENCE_SECONDS = 3600.0
# Transactions of one call.
MAX_STEPS = 200
# Webhooks that are no more, of whose deliveries one batch is.
MAX_WEBHOOKS = 20
# Late is what should have gone this part of its time ago, and no later than after a day.
LATE_SHARE, LATE_DAYS = 0.05, 1.0


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

    def __add__(self, other: PruneReport) -> PruneReport:
        return PruneReport(*(sum(both) for both in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that go for one reason. `remove` is one transaction: of a batch, or of `most` rows."""

    remove: Callable[[Database, int], int]
    # The field of the report that counts them.
    told_as: str | None = None
    most: int | None = None


def run_once(database: Database, batch: int) -> PruneReport:
    """Remove in at most `MAX_STEPS` steps, one right after the other."""
    return sum(islice(steps(database, batch), MAX_STEPS), PruneReport())


def steps(database: Database, batch: int) -> Iterator[PruneReport]:
    """Remove by turns a batch of each kind of which there may be more; each step is a transaction.

    Yields what a step has removed; ends when nothing is left.
    """
    left = list(KINDS)
    while left:
        for kind in tuple(left):
            gone = kind.remove(database, batch)
            if gone < (kind.most or batch):
                left.remove(kind)
            yield PruneReport(**{kind.told_as: gone}) if kind.told_as else PruneReport()


def is_late(database: Database) -> bool:
    """Whether there is something that should have gone long ago: removing it is too slow."""
    settings = get_settings()
    looks = []
    if days := settings.retention_days:
        looks += [leases.finished_before(_late(days), 1), deliveries.over_before(_late(days), 1)]
    if days := settings.audit_retention_days:
        looks.append(audit.entries_before(_late(days), 1))
    return any(database.execute(look).all() for look in looks)


def _late(days: float) -> float:
    return (days + min(LATE_SHARE * days, LATE_DAYS)) * DAY_SECONDS


def _asked_for(database: Database, batch: int) -> int:
    deleted = database.execute(removal.remove_where_requested(batch)).all()
    events.deleted([(row.id, row.user_id) for row in deleted])
    return len(deleted)


def _keys(database: Database, batch: int) -> int:
    return len(database.execute(intake.drop_keys(IDEMPOTENCY_SECONDS, batch)).all())


def _uses(database: Database, batch: int) -> int:
    return len(database.execute(limits.forget_uses(batch)).all())


def _sign_ins(database: Database, batch: int) -> int:
    database.execute(users.forget_sign_ins(DAY_SECONDS))
    return 0  # few, and all at once


def _silent_workers(database: Database, batch: int) -> int:
    return len(database.execute(leases.forget_silent_workers(WORKER_SILENCE_SECONDS)).all())


def _deliveries_of_nobody(database: Database, batch: int) -> int:
    removed = database.execute(deliveries.removed_webhooks(), {"most": MAX_WEBHOOKS}).column()
    return len(database.execute(deliveries.forget_of(removed, batch)).all()) if removed else 0


def _old_tasks(database: Database, batch: int) -> int:
    days = get_settings().retention_days
    if not days:
        return 0
    with database.transaction() as connection:
        chosen = leases.lock_finished_before(days * DAY_SECONDS, batch)
        ids = list(connection.scalars(chosen))
        rows = connection.execute(removal.remove_finished(ids)).all() if ids else []
    events.deleted([(row.id, row.user_id) for row in rows])
    return len(rows)


def _old_operations(database: Database, batch: int) -> int:
    # It goes with its items, which may be very many.
    days = get_settings().retention_days
    old = bulk.forget_one_ended_before(days * DAY_SECONDS)
    return len(database.execute(old).all()) if days else 0


def _old_deliveries(database: Database, batch: int) -> int:
    days = get_settings().retention_days
    old = deliveries.forget_before(days * DAY_SECONDS, batch)
    return len(database.execute(old).all()) if days else 0


def _old_entries(database: Database, batch: int) -> int:
    days = get_settings().audit_retention_days
    old = audit.forget_before(days * DAY_SECONDS, batch)
    return len(database.execute(old).all()) if days else 0


KINDS = (
    Kind(_asked_for, "deleted"),
    Kind(_keys),
    Kind(_uses),
    Kind(_sign_ins),
    Kind(_silent_workers, "workers"),
    Kind(_deliveries_of_nobody, "deliveries"),
    Kind(_old_tasks, "tasks"),
    Kind(_old_operations, "operations", most=1),
    Kind(_old_deliveries, "deliveries"),
    Kind(_old_entries, "entries"),
)
