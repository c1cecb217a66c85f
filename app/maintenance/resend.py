"""Hints that were lost, noticed on evidence: the row is marked, and the broker has no such hint.

Not by age: a hint may well wait an hour behind long tasks. A hint that is being taken right now
is in the broker no more and its row not claimed yet, so one look proves nothing; missing in two
looks does. Whatever is re-sent wrongly all the same loses at the claim.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from app import dispatch
from app.core.broker import BrokerError, sync_client
from app.core.config import get_settings
from app.db.session import Database
from app.domain.rank import Priority
from app.hints import celery_ids_in, list_key
from app.maintenance.report import Report
from app.queries import feed

# A publish follows its mark within milliseconds; before this a hint may be on its way.
GRACE_SECONDS = 1.0
BATCH = 500


@dataclass(frozen=True, slots=True)
class ResendReport(Report):
    """`resent` rows wait for a new hint, `promoted` ones for one under a higher priority."""

    resent: int = 0
    promoted: int = 0
    suspected: int = 0

    @property
    def worth_telling(self) -> bool:
        """Suspicion alone is everyday."""
        return bool(self.resent or self.promoted)


class Resend:
    """Remembers what was missing at the last look."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._suspects: set[uuid.UUID] = set()

    def run_once(self, limit: int) -> ResendReport:
        """Take back the marks of at most `limit` rows a queue whose hints are lost."""
        suspects: set[uuid.UUID] = set()
        resent = 0
        queues = self._database.run((feed.queues_with_marks(), {}))[0].column()
        for queue in queues:
            try:
                missing = self._missing(queue)
            except BrokerError:
                # Nothing can be concluded, and nothing could be published either.
                suspects |= self._suspects
                continue
            suspects |= {celery_id for _, celery_id in missing}
            lost = [pair for pair in missing if pair[1] in self._suspects][:limit]
            if lost:
                resent += self._take_back(lost)
                suspects -= {celery_id for _, celery_id in lost}
        self._suspects = suspects
        return ResendReport(resent, self._promote(limit), len(suspects))

    def _missing(self, queue: str) -> list[tuple[uuid.UUID, uuid.UUID]]:
        marked = self._database.execute(feed.marked(queue, GRACE_SECONDS)).all()
        if not marked:
            return []
        # Read after the rows: a hint published in between is then seen, not missed.
        present = celery_ids_in(self._entries(queue))
        return [(row.id, row.celery_id) for row in marked if row.celery_id not in present]

    @staticmethod
    def _entries(queue: str) -> list[bytes]:
        return entries_of(queue)

    def _promote(self, limit: int) -> int:
        outgrown = self._database.execute(feed.outgrown(get_settings().ageing_seconds, limit)).all()
        return self._take_back([(row.id, row.celery_id) for row in outgrown])

    def _take_back(self, pairs: list[tuple[uuid.UUID, uuid.UUID]]) -> int:
        count = 0
        for start in range(0, len(pairs), BATCH):
            rows: Any = self._database.execute(feed.unmark(pairs[start : start + BATCH])).all()
            count += len(rows)
            for queue in {row.queue for row in rows}:
                dispatch.wake(queue)
        if count:
            dispatch.freed()
        return count


def entries_of(queue: str) -> list[bytes]:
    """What the broker holds for a queue, of every priority. Raises `BrokerError`."""
    prefix = get_settings().broker_key_prefix
    with sync_client().pipeline(transaction=False) as pipe:
        for level in Priority:
            pipe.lrange(list_key(prefix, queue, level), 0, -1)
        lists: list[list[bytes]] = pipe.execute()
    return [entry for entries in lists for entry in entries]
