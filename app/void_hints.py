"""Hints that nobody can claim any more, taken out of the broker where they pile up.

A row that is cancelled, deleted, edited or paused leaves its hint behind; it loses at the claim
as soon as a worker reads it. But while every slot is busy nobody reads, and the feed counts marked
rows: it puts out a fresh hint for each one that became void. So whenever a list holds more
messages than twice the rows that the window allows, the void ones among them are removed.
"""

from __future__ import annotations

import json
import time
import uuid

from app.core.broker import BrokerError, sync_client
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.hints import list_key, rows_of
from app.queries import feed as queries

log = get_logger(__name__)

# Entries looked at, newest first: far more than ours ever are when this is called in time.
LOOK = 10_000
# A list may be long because of plain Celery calls; looking again and again would find nothing.
REST_SECONDS = 30.0


class VoidHints:
    """Sweeps the lists of one process's feed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resting: dict[tuple[str, int], float] = {}

    def sweep(self, queue: str, level: int) -> int:
        """Remove the void hints of one list; how many. A broker that is away has time."""
        if time.monotonic() < self._resting.get((queue, level), 0.0):
            return 0
        key = list_key(get_settings().broker_key_prefix, queue, level)
        try:
            removed = self._sweep(queue, key)
        except BrokerError:
            return 0
        if removed:
            log.info("void_hints_removed", queue=queue, level=level, count=removed)
        else:
            self._resting[queue, level] = time.monotonic() + REST_SECONDS
        return removed

    def _sweep(self, queue: str, key: str) -> int:
        entries: list[bytes] = sync_client().lrange(key, 0, LOOK - 1)  # type: ignore[assignment]
        # Read after the entries: a mark is committed before its hint is published, so a hint that
        # was seen above and has no mark here never gets one again. Its id is used only once.
        marked = set(self._database.execute(queries.marked_ids(queue)).column())
        void = [entry for entry in entries if _is_void(entry, marked)]
        with sync_client().pipeline(transaction=False) as pipe:
            # From the old end on, where they are: the fewest comparisons for the server.
            for entry in reversed(void):
                pipe.lrem(key, -1, entry)  # type: ignore[arg-type]
            return sum(pipe.execute())


def _is_void(entry: bytes, marked: set[uuid.UUID]) -> bool:
    """Whether it is a hint none of whose rows waits for it. What is no hint is not ours."""
    try:
        rows = rows_of(json.loads(entry)["headers"])
    except (ValueError, TypeError, KeyError):
        return False
    return bool(rows) and all(row.celery_id not in marked for row in rows or ())
