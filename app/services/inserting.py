"""The statements that new tasks take, whoever submits them: a request, or a task of its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from app.queries import tasks as queries
from app.queries.uniqueness import insert_if_free
from app.services.depending import keep_edges, lock_needed
from app.services.steps import Rows, Steps

# Rows of one INSERT, within the number of parameters that either database takes.
PAGE = 200
TAGS_PAGE = 5000


class KeyTaken(Exception):
    """An unfinished task has the unique key of a new one; nothing was inserted."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """`rows` as the database returned them, and which of them have ended already because of a task
    that they need."""

    rows: Rows
    ended: set[uuid.UUID]


def insertion(
    rows: Sequence[dict[str, Any]], owner: uuid.UUID | None, parent_id: uuid.UUID | None = None
) -> Steps[Inserted]:
    """Insert the rows of new tasks, as `build_row` makes them, with their tags and edges.

    `owner` is whose tasks they may refer to, None everybody's; `parent_id` is one that has to
    exist. Raises `Invalid` for what does not exist or belongs to somebody else, and `KeyTaken`.
    """
    if parent_id is not None:
        yield from _require(parent_id, owner)
    needed = yield from lock_needed(rows, owner)
    returned: list[Any] = []
    for start in range(0, len(rows), PAGE):
        page = list(rows[start : start + PAGE])
        keyed = any("unique_key" in row for row in page)
        if keyed:
            # Rows of one INSERT have the same columns.
            page = [{"unique_key": None, **row} for row in page]
        made = yield (insert_if_free if keyed else queries.insert_tasks)(page), None
        if len(made) < len(page):
            raise KeyTaken
        returned += made
    tags = [(row["id"], tag) for row in rows for tag in row["tags"]]
    for start in range(0, len(tags), TAGS_PAGE):
        yield queries.insert_tags(tags[start : start + TAGS_PAGE]), None
    ended = yield from keep_edges(rows, needed)
    return Inserted(returned, ended)


def _require(parent_id: uuid.UUID, owner: uuid.UUID | None) -> Steps[None]:
    if not (yield queries.get(parent_id, owner), None):
        message = f"parent_id {parent_id} does not exist"
        raise Invalid(
            message,
            errors=[{"loc": ["body", "parent_id"], "msg": message, "type": "unknown_task"}],
        )
