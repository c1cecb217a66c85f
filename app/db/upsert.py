"""INSERT ... ON CONFLICT, which both databases have and SQLAlchemy spells once for each."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import Insert, insert

__all__ = ["Insert", "insert"]

# The construct of the PostgreSQL dialect also compiles on SQLite, whose clause is the same;
# a test in tests/integration holds both to it. One construct keeps the statements of
# `app.queries` free of any knowledge of the database they will run on.
