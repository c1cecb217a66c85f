"""Rows that are wrong by themselves, and counts that do not agree with them."""

from __future__ import annotations

from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.maintenance.invariants.finding import Suspect
from app.maintenance.invariants.times import Times
from app.queries import invariants as queries

# More of one kind tell nothing new.
LIMIT = 200


def broken(database: Database, times: Times) -> list[Suspect]:
    """One suspect for each row and rule that it breaks."""
    rules = queries.row_rules(times.rows)
    return [
        Suspect(
            rule,
            str(row.id),
            f"{row.status}, attempt {row.attempt}" + (f", {row.worker}" if row.worker else ""),
        )
        for row in database.execute(queries.broken_rows(times.rows, LIMIT)).all()
        for rule in rules
        if getattr(row, rule)
    ]


def counted(database: Database) -> list[Suspect]:
    """Whether `GET /api/v1/tasks/count` would tell the truth, and its parts make up its total."""
    found = database.execute(queries.counts()).all()
    api = {row.status: row.number for row in found if row.status is not None}
    whole = found[0]
    suspects = [
        Suspect("counts", status, f"the API counts {api.get(status, 0)}, there are {number}")
        for status in TaskStatus
        if api.get(status, 0) != (number := getattr(whole, f"all_{status}"))
    ]
    known = sum(api.get(status, 0) for status in TaskStatus)
    if known != whole.total:
        detail = f"the five statuses make {known}, there are {whole.total} tasks"
        suspects.append(Suspect("counts", "total", detail))
    return suspects
