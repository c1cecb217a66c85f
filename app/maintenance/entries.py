"""Entries of tasks that are missing or wrong, written anew."""

from __future__ import annotations

import uuid

from app.db.session import Database
from app.maintenance.pages import pages
from app.queries import entries

# Tasks of one transaction: nobody waits long for one of them.
PAGE = 5000


def mend(database: Database) -> int:
    """Make every entry what its task says; returns how many were not. The system may run on."""
    mended = sum(_mend_page(database, *page) for page in pages(database, PAGE))
    while removed := _remove_left_over(database):
        mended += removed
    return mended


def _mend_page(database: Database, start: uuid.UUID, end: uuid.UUID | None) -> int:
    wrong = entries.unlisted(start, end, PAGE)
    if not database.execute(wrong).all():
        return 0
    with database.transaction() as connection:
        # Locked, so that nobody edits one in between. What has come since has its entry.
        ids = connection.execute(entries.locked(wrong)).scalars().all()
        connection.execute(entries.forget(ids))
        connection.execute(entries.enter(ids))
    return len(ids)


def _remove_left_over(database: Database) -> int:
    ids = database.execute(entries.left_over(PAGE)).column()
    database.execute(entries.forget(ids))
    return len(ids)
