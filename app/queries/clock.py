"""The time, as it is where it counts."""

from __future__ import annotations

from sqlalchemy import select

from app.db.clock import now
from app.queries.types import Rows


def database_time() -> Rows:
    """The clock that decides."""
    return select(now())
