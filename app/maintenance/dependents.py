"""Tasks that wait for others: told when those have finished, whoever finished them.

Every way to finish a task leaves it *due* as long as somebody waits for it, so nothing has to be
done at the moment itself, and a process that dies right after it leaves nobody waiting for ever. A
chain of failures spreads level by level, many levels in one transaction.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from app import dispatch, events
from app.core.config import get_settings
from app.db.session import Database
from app.domain.lifecycle import Event, TaskStatus, may
from app.maintenance.report import Report
from app.queries import dependencies as queries
from app.services.depending import FAIL, ending_of

# A transaction takes no further level after this long: on SQLite every other writer waits for it.
BUDGET_SECONDS = 0.1
# Edges that one look for tasks that are gone passes over.
LOOK = 20_000


@dataclass(frozen=True, slots=True)
class DependentsReport(Report):
    """`released` have nothing left to wait for, `ended` failed or were revoked with another.

    `edges` is how many waits are over in all; if it is not zero there may be more to tell.
    """

    released: int = 0
    ended: int = 0
    edges: int = 0


@dataclass(slots=True)
class _Told:
    """What one transaction has done so far."""

    edges: int = 0
    released: dict[uuid.UUID, str] = field(default_factory=dict)
    ended: list[uuid.UUID] = field(default_factory=list)

    def announce(self) -> DependentsReport:
        """After the commit: queues are fed, and whoever watches is told."""
        events.changed([*self.released, *self.ended])
        for queue in sorted(set(self.released.values())):
            dispatch.wake(queue)
        return DependentsReport(len(self.released), len(self.ended), self.edges)


def run_once(database: Database, limit: int) -> DependentsReport:
    """Tell the dependents of finished tasks, about `limit` of them."""
    if not database.execute(queries.due(1, lock=False)).all():
        return DependentsReport()
    told = _Told()
    until = time.monotonic() + BUDGET_SECONDS
    with database.transaction() as connection:
        while told.edges < limit and _tell_some(connection, limit - told.edges, told):
            if time.monotonic() > until:
                break
    return told.announce()


def _tell_some(connection: Connection, limit: int, told: _Told) -> bool:
    """One level: the dependents of those that are due now. False if there is nothing to do."""
    due = {row.id: row.status for row in connection.execute(queries.due(limit))}
    return bool(due) and _tell(connection, due, limit, told)


def _tell(
    connection: Connection, ended: Mapping[uuid.UUID, str], limit: int, told: _Told
) -> bool:
    """Tell dependents how the tasks `ended` that they need. False if all of them were locked."""
    dependents = sorted(set(connection.scalars(queries.untold(list(ended), limit))))
    edges = 0
    if dependents:
        rows = connection.execute(queries.lock_dependents(dependents)).all()
        news: dict[uuid.UUID, dict[uuid.UUID, str]] = defaultdict(dict)
        locked = [row.id for row in rows]
        for edge in connection.execute(queries.tell(list(ended), locked)) if locked else ():
            news[edge.task_id][edge.needs_id] = ended[edge.needs_id]
            edges += 1
        _judge(connection, rows, news, told)
    done = connection.execute(queries.awaited_no_more(list(ended))).all()
    told.edges += edges
    return bool(edges or done)


def _judge(
    connection: Connection,
    rows: Sequence[Any],
    news: Mapping[uuid.UUID, Mapping[uuid.UUID, str]],
    told: _Told,
) -> None:
    """Those that still wait go on waiting, get their place in the queue, or end."""
    ready: list[uuid.UUID] = []
    waiting: list[dict[str, Any]] = []
    endings: dict[Event, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        # It may have been cancelled, or have expired, meanwhile.
        if not (row.id in news and row.unmet_deps and may(Event.DEPENDENCY_FAILED, row.status)):
            continue
        left = row.unmet_deps - len(news[row.id])
        ending = ending_of(news[row.id]) if row.on_dependency_failure == FAIL else None
        if ending is not None:
            endings[ending[0]].append({"task": row.id, "why": ending[1]})
        elif left > 0:
            waiting.append({"task": row.id, "left": left})
        else:
            ready.append(row.id)
    for event, parameters in endings.items():
        connection.execute(queries.end(event), parameters)
        told.ended += [each["task"] for each in parameters]
    if waiting:
        connection.execute(queries.wait_on(), waiting)
    if ready:
        released = connection.execute(queries.release(ready, get_settings().ageing_seconds))
        told.released |= {row.id: row.queue for row in released}


class Gone:
    """Tasks that somebody waits for and that are not there any more.

    Nothing in the system removes such a task; a hand in the database may. They count as revoked.
    Looks at a part of all waits at a time, and remembers where it was.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after = uuid.UUID(int=0)

    def run_once(self, limit: int) -> DependentsReport:
        """Tell up to about `limit` dependents of what is gone."""
        seen = self._database.execute(queries.needed_after(self._after, LOOK)).all()
        gone = {row.needs_id: TaskStatus.REVOKED.value for row in seen if row.gone}
        told = _Told()
        if gone:
            with self._database.transaction() as connection:
                _tell(connection, gone, limit, told)
        elif seen:
            self._after = seen[-1].needs_id
        if not seen:
            self._after = uuid.UUID(int=0)
        return told.announce()
