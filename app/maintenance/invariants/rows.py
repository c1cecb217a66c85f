"""Rows that are wrong by themselves, and counts that do not agree with them."""

from __future__ import annotations

import uuid
from itertools import islice
from typing import Any

from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.domain.tally import by_status
from app.maintenance import naming, rollup
from app.maintenance.invariants.finding import Suspect
from app.maintenance.invariants.times import Times
from app.maintenance.pages import pages
from app.models import EVERYBODY
from app.queries import counting, entries, leases
from app.queries import invariants as queries

# More of one kind tell nothing new.
LIMIT = 200
# Rows of one statement: none of them then takes long, however large the table is.
PAGE = 50_000
# A fold takes every few seconds all there is; one that does not keep up makes counts slow.
MOST_UNFOLDED = 100_000
# A million names: reading them takes some ten seconds.
MOST_SEGMENTS = 64


def broken(database: Database, times: Times) -> list[Suspect]:
    """One suspect for each row and rule that it breaks."""
    rules = list(queries.row_rules(times.rows))
    suspects: list[Suspect] = []
    for start, end in pages(database, PAGE):
        statement = queries.broken_rows(times.rows, start, end, LIMIT)
        for row in database.execute(statement).all():
            suspects += [_suspect(row, rule, times) for rule in rules if getattr(row, rule)]
        if len(suspects) >= LIMIT:
            break
    return suspects


def _suspect(row: Any, rule: str, times: Times) -> Suspect:
    worker = f", {row.worker}" if row.worker else ""
    detail = f"{row.status}, attempt {row.attempt}{worker}"
    # Since when it is so no row tells.
    return Suspect(rule, str(row.id), detail, times.gone if rule == "needs_gone" else 0.0)


def counted(database: Database) -> list[Suspect]:
    """Whether what is counted, folded or not yet, is what there is: for everybody and each owner."""
    suspects = [
        Suspect("counts", f"{name_of(row.owner)} {row.status}", f"{row.number:+} in the counts")
        for row in database.execute(counting.differences(LIMIT)).all()
    ]
    rows: Any = database.execute(*counting.count_maintained(None)).all()
    for status, number in by_status(rows).items():
        if number and status not in tuple(TaskStatus):
            suspects.append(
                Suspect("counts", f"all {status}", f"{number} tasks in no known status")
            )
    return suspects


def unlisted(database: Database) -> list[Suspect]:
    """Tasks that some lists would leave out or show wrongly, and entries of tasks that are gone."""
    wrong: list[uuid.UUID] = []
    for start, end in pages(database, PAGE):
        wrong += database.execute(entries.unlisted(start, end, LIMIT)).column()
        if len(wrong) >= LIMIT:
            break
    gone = database.execute(entries.left_over(LIMIT)).column()
    return [
        Suspect("unlisted", str(task_id), detail)
        for ids, detail in ((wrong, "no entry, or another one"), (gone, "an entry, but no task"))
        for task_id in ids
    ]


def rolled_up(database: Database) -> list[Suspect]:
    """Parents that would not come to show the subtasks that there are."""
    return [
        Suspect("subtasks", str(lacking[0]["parent_id"]), ", ".join(_lacks(lacking)))
        for lacking in islice(rollup.differences(database), LIMIT)
    ]


def _lacks(corrections: list[dict[str, Any]]) -> list[str]:
    return [
        f"{-each['number']:+} {each['now']}" if each["now"] else f"{-each['done'] / 100:+g} %"
        for each in corrections
        if each["number"] or each["done"]
    ]


def misnamed(database: Database, notes: list[str], chance: int) -> list[Suspect]:
    """Segments of tasks in which a search for a part of a name would miss one.

    Of many only some, evenly spread: which ones `chance` says, the same at each look of a run.
    """
    segments = naming.segments(database)
    step = max(1, -(-len(segments) // MOST_SEGMENTS))
    chosen = segments[chance % step :: step]
    if step > 1:
        notes.append(
            f"of {len(segments)} segments of names {len(chosen)} were looked at, and others are the "
            "next time; taskctl recount looks at all"
        )
    return [
        Suspect("names", str(segment.id), f"up to {segment.last_id}")
        for segment in chosen
        if naming.is_wrong(database, segment)
    ]


def name_of(owner: uuid.UUID) -> str:
    """An owner for people."""
    return "all" if owner == EVERYBODY else str(owner)


def unfolded(database: Database, times: Times) -> list[Suspect]:
    """Changes that wait to be counted, far more than a fold leaves behind, while agents live."""
    if not database.execute(leases.live_workers_values(times.silence)).all():
        return []
    number = database.execute(counting.unfolded()).one()[0]
    if number <= MOST_UNFOLDED:
        return []
    return [Suspect("not_folded", "task_deltas", f"{number} changes", times.fold)]
