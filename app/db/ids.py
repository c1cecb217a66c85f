"""Ids of tasks: UUIDv7, so that they sort by creation, at the database's time.

Tasks are listed by id where the order of creation is asked for, and looked for by id where a time is.
So what counts is not the clock of the machine that draws an id, which may be wrong, but the one
that writes `created_at`.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta

from uuid_utils.compat import uuid7

from app.db.base import to_micros

# An id is drawn before its row is written: how long before at most, and how far behind the row's
# time the clock may be by which it was drawn.
DRAWN_BEFORE = timedelta(hours=1)
DRAWN_AFTER = timedelta(seconds=30)
# Within this the clocks agree. An answer of the database takes its time, too.
_TOLERATED_MS = 10_000
_TIME_SHIFT = 80
_LAST_MS = (1 << 48) - 1

_ahead_ms = 0


def new_id() -> uuid.UUID:
    """An id of now; the later of two drawn by one process is the larger."""
    drawn = uuid7()
    return drawn if not _ahead_ms else uuid.UUID(int=drawn.int + (_ahead_ms << _TIME_SHIFT))


def learn(database_time: datetime) -> None:
    """The database's clock said so just now."""
    global _ahead_ms
    ahead = to_micros(database_time) // 1000 - time.time_ns() // 1_000_000
    _ahead_ms = ahead if abs(ahead) > _TOLERATED_MS else 0


def before(seconds: float) -> uuid.UUID:
    """The smallest id of so long ago."""
    milliseconds = time.time_ns() // 1_000_000 + _ahead_ms - round(seconds * 1000)
    return uuid.UUID(int=max(0, milliseconds) << _TIME_SHIFT)


def first_of(moment: datetime) -> uuid.UUID:
    """The smallest id of a moment."""
    milliseconds = to_micros(moment) // 1000
    return uuid.UUID(int=min(max(milliseconds, 0), _LAST_MS) << _TIME_SHIFT)
