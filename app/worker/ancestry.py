"""What the tasks that a task depends on have left it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from app.queries import dependencies as queries
from app.worker.claim import Claim
from app.worker.connections import relaxed_database, until_answered


@dataclass(frozen=True, slots=True)
class Parent:
    """A task that had to finish first, and how it did: `succeeded`, `failed` or `revoked`."""

    id: str
    name: str
    status: str
    result: Any
    error: dict[str, Any] | None


_known: weakref.WeakKeyDictionary[Claim, dict[str, Parent]] = weakref.WeakKeyDictionary()


def parents_of(claim: Claim) -> dict[str, Parent]:
    """By id, in the order in which the submission named them. Read once an attempt."""
    found = _known.get(claim)
    if found is None:
        found = _known[claim] = until_answered(lambda: _read(claim), in_body=True)
    return dict(found)


def _read(claim: Claim) -> dict[str, Parent]:
    order: list[str] = relaxed_database().execute(queries.order_of(claim.task_id)).one()[0] or []
    ended = {
        str(row.id): Parent(str(row.id), row.name, row.status, row.result, row.error)
        for row in relaxed_database().execute(queries.outcomes(claim.task_id)).all()
    }
    return {each: ended[each] for each in order if each in ended}
