"""Limits that let out more than they should."""

from __future__ import annotations

from collections import Counter

from app.db.session import Database
from app.domain.limits import Rules
from app.maintenance.invariants.finding import Suspect
from app.places import limit_of
from app.queries import limits as queries


def exceeded(database: Database) -> list[Suspect]:
    """Buckets that hold more than their limit, of what was handed out since that is as it is.

    What was out before somebody lowered it stays out, and what an executor outside takes by hand was
    never handed out.
    """
    rows = database.execute(queries.all_rules()).all()
    rules = Rules.of(map(limit_of, rows))
    suspects: list[Suspect] = []
    for row in rows:
        if row.concurrency is None:
            continue
        own = limit_of(row)
        counted: Counter[str] = Counter()
        for held in database.execute(queries.held_since(row.updated_at)).all():
            covering = rules.covering(held.queue, held.celery_task_name, held.limit_key)
            counted.update(
                {bucket: held.number for bucket, each in covering.items() if each == own}
            )
        suspects += [
            Suspect("over_limit", bucket, f"{number} are out, the limit is {row.concurrency}")
            for bucket, number in counted.items()
            if number > row.concurrency
        ]
    return suspects
