"""Statements of unique keys: of one owner's unfinished tasks at most one has a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from app.db.upsert import insert as upsert
from app.domain.lifecycle import ACTIVE
from app.models import Task
from app.models.task import HOLDS_KEY
from app.queries.guards import status_in
from app.queries.tasks import BORN
from app.queries.types import InsertedRows, Rows


def holders(keys: Iterable[str]) -> Rows:
    """The unfinished tasks that have these keys."""
    return select(Task.id, Task.unique_key, Task.status, Task.queue).where(
        Task.unique_key.in_(list(keys)), status_in(Task.status, ACTIVE)
    )


def insert_if_free(rows: Sequence[dict[str, Any]]) -> InsertedRows:
    """Insert complete rows, but for those whose key an unfinished task has.

    One that is about to be taken is waited for.
    """
    made = upsert(Task).values([{**BORN, **row} for row in rows])
    return made.on_conflict_do_nothing(
        index_elements=["unique_key"], index_where=HOLDS_KEY
    ).returning(Task)
