"""Attempts whose machine no longer speaks for them: the lease is over and nobody renewed it."""

from __future__ import annotations

from dataclasses import dataclass

from app import dispatch, events
from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.maintenance.report import Report
from app.queries import leases
from app.services import attempts


@dataclass(frozen=True, slots=True)
class RescueReport(Report):
    """`returned` run again, `ended` failed or were revoked, `alive` had been renewed after all."""

    returned: int = 0
    ended: int = 0
    alive: int = 0


def run_once(database: Database, limit: int) -> RescueReport:
    """Settle at most `limit` attempts whose lease is over, by the policy in their rows.

    The condition is checked again inside each UPDATE: between the reading and the writing the
    worker may have come back.
    """
    rows = database.execute(leases.lease_over(limit)).all()
    returned = ended = alive = 0
    for row in rows:
        message = f"the worker {row.worker} was lost: its lease ended without a renewal"
        settled = attempts.lose(
            database, (row.id, row.celery_id), "crash", message, lease_over=True
        )
        if settled is None:
            alive += 1
            continue
        events.changed([settled.task_id])
        if settled.status == TaskStatus.PENDING:
            returned += 1
            dispatch.wake(settled.queue or "default")
        else:
            ended += 1
    return RescueReport(returned, ended, alive)
