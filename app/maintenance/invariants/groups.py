"""Whether every failure is counted, and every group counts what is in it."""

from __future__ import annotations

import uuid

from app.db.session import Database
from app.maintenance.invariants import rows
from app.maintenance.invariants.finding import Suspect
from app.maintenance.pages import pages
from app.queries import grouping as queries


def counted(database: Database) -> list[Suspect]:
    """Groups, everybody's and each owner's, that count otherwise than the failures in them."""
    return [
        Suspect(
            "error_groups",
            f"{rows.name_of(row.owner)} {row.fingerprint}",
            f"{row.failures:+} failures and {row.tasks:+} tasks in the group",
        )
        for row in database.execute(queries.differences(rows.LIMIT)).all()
    ]


def ungrouped(database: Database) -> list[Suspect]:
    """Tasks with failed attempts that are not counted, or counted although there are none."""
    wrong: list[uuid.UUID] = []
    for start, end in pages(database, rows.PAGE):
        wrong += database.execute(queries.miscounted(start, end, rows.LIMIT)).column()
        if len(wrong) >= rows.LIMIT:
            break
    gone = database.execute(queries.left_over(rows.LIMIT)).column()
    return [
        Suspect("ungrouped", str(task_id), detail)
        for ids, detail in ((wrong, "another number in groups"), (gone, "counted, but no task"))
        for task_id in ids
    ]
