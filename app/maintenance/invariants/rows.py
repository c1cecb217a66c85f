"""Rows that are wrong by themselves, and counts that do not agree with them."""

from __future__ import annotations

import uuid
from typing import Any

from app.db.session import Database
from app.domain.lifecycle import TaskStatus
from app.maintenance.invariants.finding import Suspect
from app.maintenance.invariants.times import Times
from app.queries import invariants as queries

# More of one kind tell nothing new.
LIMIT = 200
# Rows of one statement: none of them then takes long, however large the table is.
PAGE = 50_000


def broken(database: Database, times: Times) -> list[Suspect]:
    """One suspect for each row and rule that it breaks."""
    rules = list(queries.row_rules(times.rows))
    start: uuid.UUID | None = uuid.UUID(int=0)
    suspects: list[Suspect] = []
    while start is not None and len(suspects) < LIMIT:
        end = database.execute(queries.page_end(start, PAGE)).column()
        statement = queries.broken_rows(times.rows, start, end[0] if end else None, LIMIT)
        for row in database.execute(statement).all():
            suspects += [_suspect(row, rule, times) for rule in rules if getattr(row, rule)]
        start = end[0] if end else None
    return suspects


def _suspect(row: Any, rule: str, times: Times) -> Suspect:
    worker = f", {row.worker}" if row.worker else ""
    detail = f"{row.status}, attempt {row.attempt}{worker}"
    # Since when it is so no row tells.
    return Suspect(rule, str(row.id), detail, times.gone if rule == "needs_gone" else 0.0)


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
