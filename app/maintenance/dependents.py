"""Tasks that wait for others: told when those have finished, whoever finished them.

Every way to finish a task leaves it *due* as long as somebody waits for it, so nothing has to be
done at the moment itself, and a process that dies right after it leaves nobody waiting for ever. A
chain of failures spreads level by level, many levels in one transaction.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app import dispatch, events
from app.core.config import get_settings
from app.db.session import Database
from app.domain.lifecycle import Event, TaskStatus
from app.maintenance.report import Report
from app.queries import dependencies as queries
from app.services.depending import FAIL, why

# How long one transaction may take; what is left has the next one.
SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class DependentsReport(Report):
    """`released` have nothing left to wait for, `ended` failed or were revoked with another."""

    released: int = 0
    ended: int = 0


@dataclass(slots=True)
class _Told:
    """What one transaction has done so far."""

    edges: int = 0
    released: dict[uuid.UUID, str] = field(default_factory=dict)
    ended: list[uuid.UUID] = field(default_factory=list)


def run_once(database: Database, limit: int) -> DependentsReport:
    """Tell the dependents of finished tasks, about `limit` of them, for a moment at most.

    On SQLite nobody else writes meanwhile, not even whoever has a lease to renew.
    """
    told = _Told()
    until = time.monotonic() + SECONDS
    if not database.execute(queries.due(1, lock=False)).all():
        return DependentsReport()
    with database.transaction() as connection:
        while (
            told.edges < limit
            and _tell_some(connection, limit - told.edges, told)
            and time.monotonic() < until
        ):
            pass
    events.changed([*told.released, *told.ended])
    for queue in sorted(set(told.released.values())):
        dispatch.wake(queue)
    return DependentsReport(len(told.released), len(told.ended))


def _tell_some(connection: Connection, limit: int, told: _Told) -> bool:
    """One level: the dependents of those that are due now. False if nobody is."""
    due = [row.id for row in connection.execute(queries.due(limit))]
    if not due:
        return False
    edges = connection.execute(queries.untold(due, limit)).all()
    dependents = sorted({edge.task_id for edge in edges})
    if dependents:
        _judge(connection, dependents, told)
        connection.execute(queries.tell(due, dependents))
    connection.execute(queries.awaited_no_more(due))
    told.edges += max(1, len(edges))
    return True


def _judge(connection: Connection, ids: Sequence[uuid.UUID], told: _Told) -> None:
    """Those that still wait go on waiting, get their place in the queue, or end."""
    waiting = connection.execute(queries.lock_waiting(ids)).all()
    strict = {row.id for row in waiting if row.on_dependency_failure == FAIL}
    counts = connection.execute(queries.counted([row.id for row in waiting])).all()
    groups: dict[str, list[uuid.UUID]] = defaultdict(list)
    for row in counts:
        groups[_verdict(row.unmet, row.failed, row.revoked, row.task_id in strict)].append(
            row.task_id
        )
    _end(connection, Event.DEPENDENCY_FAILED, groups["failed"], told)
    _end(connection, Event.DEPENDENCY_REVOKED, groups["revoked"], told)
    if groups["ready"]:
        ageing = get_settings().ageing_seconds
        rows = connection.execute(queries.release(groups["ready"], ageing))
        told.released |= {row.id: row.queue for row in rows}
    if groups["waiting"]:
        connection.execute(queries.recount(groups["waiting"]))


def _verdict(unmet: int, failed: int, revoked: int, strict: bool) -> str:
    if strict and failed:
        return "failed"
    if strict and revoked:
        return "revoked"
    return "waiting" if unmet else "ready"


def _end(connection: Connection, event: Event, ids: list[uuid.UUID], told: _Told) -> None:
    if not ids:
        return
    status = TaskStatus.FAILED if event is Event.DEPENDENCY_FAILED else TaskStatus.REVOKED
    culprits = {
        row.task_id: row.needs_id for row in connection.execute(queries.culprits(ids, status))
    }
    connection.execute(
        queries.end(event),
        [{"task": task_id, "why": why(event, culprits[task_id])} for task_id in ids],
    )
    told.ended += ids
