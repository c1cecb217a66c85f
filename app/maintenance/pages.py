"""The table of tasks, a page at a time: no statement takes long, however large it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from app.db.session import Database
from app.queries import invariants as queries


def pages(database: Database, size: int) -> Iterator[tuple[uuid.UUID, uuid.UUID | None]]:
    """Behind which id each page of `size` tasks begins, and with which it ends (None: the last)."""
    start: uuid.UUID | None = uuid.UUID(int=0)
    while start is not None:
        found = database.execute(queries.page_end(start, size)).column()
        end = found[0] if found else None
        yield start, end
        start = end
