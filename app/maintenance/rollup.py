"""What has become of subtasks, shown by their parents.

Everything of one step happens in one transaction: it takes changes out, adds them to what the parent
shows, and writes that. So what a parent shows and what has not been taken is always exact together.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app import events
from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.domain.subtasks import added_up, progress_of_parent
from app.maintenance.pages import pages
from app.maintenance.report import Report
from app.queries import subtasks as queries

# Changes of one transaction: on SQLite nobody else writes for some 50 ms.
BATCH = 5000
# Parents of one statement that compares.
PAGE = 50_000


@dataclass(frozen=True, slots=True)
class RollupReport(Report):
    """`parents` that show something new; `left` is 1 when there may be more to show."""

    parents: int = 0
    left: int = 0

    @property
    def worth_telling(self) -> bool:
        """That it does its work is everyday."""
        return bool(self.left)


def run_once(database: Database) -> RollupReport:
    """Show the oldest changes, about `BATCH` of them, and tell whoever watches a parent."""
    with database.transaction() as connection:
        found = connection.execute(queries.parents(BATCH)).all()
        if not found:
            return RollupReport()
        last_of: dict[uuid.UUID, int] = {row.parent_id: row.last for row in found}
        parents = connection.execute(queries.lock(list(last_of))).all()
        changes = _take(connection, last_of, {parent.id for parent in parents})
        shown = [_shown(parent, changes[parent.id]) for parent in parents if changes[parent.id]]
        if shown:
            connection.execute(queries.show(), shown)
    events.changed(each["parent"] for each in shown)
    taken = sum(map(len, changes.values()))
    return RollupReport(len(shown), int(taken >= BATCH))


def _take(
    connection: Connection, last_of: Mapping[uuid.UUID, int], locked: set[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[Any]]:
    """The changes by parent. Those of a parent that is gone are of no use to anybody.

    Those of one that somebody else holds stay, and come again.
    """
    others = [parent for parent in last_of if parent not in locked]
    there = set(connection.execute(queries.there(others)).scalars()) if others else set()
    chosen = [parent for parent in last_of if parent not in there]
    changes: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for change in connection.execute(queries.take(chosen, max(last_of.values()))):
        changes[change.parent_id].append(change)
    return changes


def _shown(parent: Any, changes: Sequence[Any]) -> dict[str, Any]:
    kept = added_up(parent.subtasks, changes)
    percent = parent.progress
    if kept is not None:
        percent = progress_of_parent(parent.status, parent.attempt, parent.progress, kept)
        if percent != parent.progress:
            kept["shown"] = percent
    return {"parent": parent.id, "shown": kept, "percent": percent}


def recount(database: Database) -> int:
    """Have every parent show what there is; returns how many do not. The system may run on.

    What is missing is appended like any other change, and so shown within seconds.
    """
    wrong = 0
    for corrections in differences(database):
        database.execute(queries.correct(), corrections)
        wrong += 1
    return wrong


def differences(database: Database) -> Iterator[list[dict[str, Any]]]:
    """For each parent that would not come to show what there is, the changes that it lacks."""
    for start, end in pages(database, PAGE):
        lacks: dict[uuid.UUID, Counter[str | None]] = defaultdict(Counter)
        done: Counter[uuid.UUID] = Counter()
        for row in database.execute(queries.accounts(start, end)).all():
            shown = row.shown or {}
            lacks[row.parent_id][row.status] += row.number
            lacks[row.parent_id].subtract({each.value: shown.get(each, 0) for each in TaskStatus})
            done[row.parent_id] += row.done - shown.get("done", 0)
        for parent, counts in lacks.items():
            if done[parent] or any(counts[each] for each in TaskStatus):
                yield _corrections(parent, counts, done[parent])


def _corrections(
    parent: uuid.UUID, counts: Mapping[str | None, int], done: int
) -> list[dict[str, Any]]:
    changes = [(each.value, counts[each], 0) for each in TaskStatus if counts[each]]
    return [
        {"parent_id": parent, "was": None, "now": now, "number": number, "done": part}
        for now, number, part in [*changes, (None, 0, done)]
    ]
