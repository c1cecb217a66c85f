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
from app.domain.lifecycle import Event, TaskStatus, may, target
from app.maintenance.report import Report
from app.queries import dependencies as queries
from app.services.depending import FAIL, ending_of

# A transaction takes no further level after this long: on SQLite every other writer waits for it.
BUDGET_SECONDS = 0.1
# Edges that one look for tasks that are gone passes over.
LOOK = 20_000
# Ids of one statement.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class DependentsReport(Report):
    """`released` have nothing left to wait for, `ended` failed or were revoked with another.

    `edges` is how many waits are over in all; if it is not zero there may be more to tell.
    """

    released: int = 0
    ended: int = 0
    edges: int = 0


def run_once(database: Database, limit: int) -> DependentsReport:
    """Tell the dependents of finished tasks, about `limit` of them."""
    if not database.execute(queries.due(1, lock=False)).all():
        return DependentsReport()
    with database.transaction() as connection:
        due = {row.id: row.status for row in connection.execute(queries.due(limit))}
        telling = _Telling(connection, limit)
        telling.tell(due)
    return telling.announce()


@dataclass(slots=True)
class _Telling:
    """One transaction that tells, and what it has done so far.

    It waits for no lock. What somebody else has locked is left as it is, and comes again.
    """

    connection: Connection
    limit: int
    edges: int = 0
    released: dict[uuid.UUID, str] = field(default_factory=dict)
    ended: list[uuid.UUID] = field(default_factory=list)

    def tell(self, ended: Mapping[uuid.UUID, str]) -> None:
        """Tell how the tasks `ended`; then what ended thereby, and so on, as far as it may."""
        until = time.monotonic() + BUDGET_SECONDS
        seen: list[uuid.UUID] = []
        while ended and self.edges < self.limit:
            seen += ended
            ended = self._tell_one_level(ended)
            if time.monotonic() > until:
                break
        for start in range(0, len(seen), PAGE):
            self.connection.execute(queries.awaited_no_more(seen[start : start + PAGE]))

    def _tell_one_level(self, ended: Mapping[uuid.UUID, str]) -> dict[uuid.UUID, str]:
        """Returns the dependents that ended by it and have dependents themselves."""
        untold = queries.untold(list(ended), self.limit - self.edges)
        news: dict[uuid.UUID, dict[uuid.UUID, str]] = defaultdict(dict)
        for task_id, needs_id in self.connection.execute(untold):
            news[task_id][needs_id] = ended[needs_id]
        if not news:
            return {}
        rows = self.connection.execute(queries.lock_dependents(sorted(news))).all()
        pairs = [{"task": row.id, "needs": needs} for row in rows for needs in news[row.id]]
        if not pairs:
            return {}
        self.connection.execute(queries.tell(), pairs)
        self.edges += len(pairs)
        return self._judge(rows, news)

    def _judge(
        self, rows: Sequence[Any], news: Mapping[uuid.UUID, Mapping[uuid.UUID, str]]
    ) -> dict[uuid.UUID, str]:
        """Those that still wait go on waiting, get their place in the queue, or end."""
        ready: list[uuid.UUID] = []
        waiting: list[dict[str, Any]] = []
        endings: dict[Event, list[dict[str, Any]]] = defaultdict(list)
        awaited: dict[uuid.UUID, str] = {}
        for row in rows:
            # It may have been cancelled, or have expired, meanwhile.
            if not (row.unmet_deps and may(Event.DEPENDENCY_FAILED, row.status)):
                continue
            left = row.unmet_deps - len(news[row.id])
            ending = ending_of(news[row.id]) if row.on_dependency_failure == FAIL else None
            if ending is not None:
                event, why = ending
                endings[event].append({"task": row.id, "why": why})
                if row.awaited:
                    awaited[row.id] = target(event).value
            elif left > 0:
                waiting.append({"task": row.id, "left": left})
            else:
                ready.append(row.id)
        self._write(ready, waiting, endings)
        return awaited

    def _write(
        self,
        ready: list[uuid.UUID],
        waiting: list[dict[str, Any]],
        endings: Mapping[Event, list[dict[str, Any]]],
    ) -> None:
        for event, parameters in endings.items():
            self.connection.execute(queries.end(event), parameters)
            self.ended += [each["task"] for each in parameters]
        if waiting:
            self.connection.execute(queries.wait_on(), waiting)
        if ready:
            released = queries.release(ready, get_settings().ageing_seconds)
            self.released |= {row.id: row.queue for row in self.connection.execute(released)}

    def announce(self) -> DependentsReport:
        """After the commit: queues are fed, and whoever watches is told."""
        events.changed([*self.released, *self.ended])
        for queue in sorted(set(self.released.values())):
            dispatch.wake(queue)
        return DependentsReport(len(self.released), len(self.ended), self.edges)


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
        if not gone:
            self._after = seen[-1].needs_id if seen else uuid.UUID(int=0)
            return DependentsReport()
        with self._database.transaction() as connection:
            telling = _Telling(connection, limit)
            telling.tell(gone)
        return telling.announce()
