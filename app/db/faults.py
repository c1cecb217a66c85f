"""Which errors of a database pass by themselves."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# PostgreSQL's classes of SQLSTATE. Poolers such as PgBouncer speak in class 08.
_PASSING_CLASSES = {
    "08",  # the connection: lost, refused, pooler has none
    "28",  # who we are: a password that is being changed
    "40",  # rolled back: deadlock, serialisation, outcome unknown
    "53",  # the server is full: connections, memory, disk
    "57",  # an operator or the server itself: shutdown, starting up, time-out
    "58",  # the server's machine: I/O
}
_PASSING_STATES = {
    "25006",  # read only: this was the primary until a moment ago
    "25P02",  # the transaction had failed already
    "25P03",  # idle in a transaction for too long
    "25P04",  # the transaction took too long
    "26000",  # a prepared statement is gone: a pooler gave us another server connection
    "3D000",  # no such database: it is being restored
    "42P05",  # a prepared statement is there already: the same
    "55000",  # not in the state for it: a standby that is being promoted
    "55006",  # in use by somebody else
    "55P03",  # locked by somebody else
}
# Given up: a wait for somebody else's lock, and one that went in a circle.
_LOCKED = {"55P03", "40P01"}
# SQLite's primary result codes: BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN,
# PROTOCOL. The rest say that the statement or the data is wrong, and will be wrong again.
_PASSING_CODES = {5, 6, 7, 8, 9, 10, 13, 14, 15}


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed later: an outage, a lock, a restart, a full server."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        code: int | None = getattr(error.orig, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _PASSING_CODES
    state: str | None = getattr(error.orig, "sqlstate", None)
    if not state:
        # Said by the driver, not by a server: there was no connection, or it broke.
        return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
    if state == "0A000":
        # The schema was migrated under a prepared statement; a new connection prepares it anew.
        return "cached plan" in str(error.orig)
    return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES


def is_locked(error: DBAPIError) -> bool:
    """Whether a wait for a row was given up. Never on SQLite, which has but one lock."""
    return getattr(error.orig, "sqlstate", None) in _LOCKED
