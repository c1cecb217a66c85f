"""The database connections of a pool process."""

from __future__ import annotations

from functools import cache

from app.db.session import Database


@cache
def database() -> Database:
    """Durable: claims and settlements survive a power cut."""
    return Database(durable=True)


@cache
def relaxed_database() -> Database:
    """For writes that may be lost with the last fraction of a second: progress and logs."""
    return Database(durable=False)
