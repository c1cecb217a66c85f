"""Attempts whose machine no longer speaks for them: the lease is over and nobody renewed it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import dispatch, events
from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.domain.nodes import worker_of
from app.maintenance.report import Report
from app.queries import leases
from app.services import attempts
from app.services.attempts import Blame
from app.services.traces import write_lost


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
    blamed = _blame(database, rows)
    for row in rows:
        message = f"the worker {row.worker} was lost: its lease ended without a renewal"
        blame = blamed.get(row.celery_id, Blame("crash"))
        settled = attempts.lose(
            database,
            (row.id, row.celery_id),
            blame.cause,
            message,
            lease_over=True,
            wait_seconds=blame.wait_seconds,
        )
        if settled is None:
            alive += 1
            continue
        write_lost(settled)
        events.changed([settled.task_id])
        if settled.status == TaskStatus.PENDING:
            returned += 1
            dispatch.wake(settled.queue or "default")
        else:
            ended += 1
    if returned or ended:
        dispatch.freed()
    return RescueReport(returned, ended, alive)


def _blame(database: Database, rows: Sequence[Any]) -> dict[uuid.UUID, Blame]:
    """What runs on one worker dies together, whichever of its main processes had it: nobody is
    left to say which died first. Executors outside have nothing to do with another."""
    by_worker = defaultdict(list)
    for row in rows:
        by_worker[worker_of(str(row.worker))].append((row.id, row.celery_id))
    blamed: dict[uuid.UUID, Blame] = {}
    for worker, pairs in by_worker.items():
        if not worker.startswith("external:"):
            blamed |= attempts.blame(database, pairs)
    return blamed
