"""Progress and log lines of an attempt: gathered for a moment, fenced, bounded."""

from __future__ import annotations

import threading
import time
import weakref
from itertools import takewhile
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.sensitive import told
from app.core.text import MAX_LINE, MAX_MESSAGE, clean, first_line
from app.db.session import is_transient
from app.queries import claims
from app.worker.claim import Claim
from app.worker.connections import relaxed_database, until_answered

log = get_logger(__name__)

# A body may report as often as it likes; the row is written this often at most.
INTERVAL_SECONDS = 0.25
# After a failed write the next one waits this long, or this many times as long as the failure
# took: a body must not spend its time waiting for a database that is away.
OUTAGE_PAUSE_SECONDS = 1.0
OUTAGE_PAUSE_FACTOR = 10
MAX_LINES = 1000
# Characters of a line's level.
MAX_LEVEL = 64
LIMIT_LINE = f"[more than {MAX_LINES} lines: the rest of this attempt's are not kept]"


class Reports:
    """What one attempt wants to tell. Thread-safe.

    What cannot be written because the database is away is kept and written later: with a later
    report, or before the settlement, which waits for the database too.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._lock = threading.Lock()
        self._progress: float | None = None
        self._message: str | None = None
        self._lines: list[tuple[str, str]] = []
        self._kept = 0
        self._due_at = 0.0

    def progress(self, percent: float, message: str | None) -> None:
        """Keep progress, and write it if the last write is a moment ago."""
        with self._lock:
            self._progress = min(100.0, max(0.0, float(percent)))
            if message is not None:
                self._message = clean(self._fit(message), MAX_MESSAGE)
        self._write_if_due()

    def line(self, text: str, level: str) -> None:
        """Keep a log line; past the limit one line says so and the rest is dropped."""
        with self._lock:
            if self._kept >= MAX_LINES:
                return
            self._kept += 1
            text = LIMIT_LINE if self._kept == MAX_LINES else clean(self._fit(text), MAX_LINE)
            self._lines.append((clean(str(level), MAX_LEVEL), text))
        self._write_if_due()

    def _fit(self, text: object) -> str:
        """The text without the task's sensitive arguments, and what looks like a secret."""
        return told(str(text), self._claim.secrets)

    def _write_if_due(self) -> None:
        began = time.monotonic()
        if began < self._due_at:
            return
        try:
            self.write()
        except SQLAlchemyError as exc:
            now = time.monotonic()
            self._due_at = now + max(OUTAGE_PAUSE_SECONDS, OUTAGE_PAUSE_FACTOR * (now - began))
            log.warning("report_not_written", error=first_line(exc), cure="it is kept")

    def write(self) -> None:
        """Write what was gathered. Raises when the database is away; what was not written is kept.

        A line whose answer got lost may be kept twice; one that the database refuses for another
        reason than an outage is dropped.
        """
        self._due_at = time.monotonic() + INTERVAL_SECONDS
        with self._lock:
            progress, message = self._progress, self._message
            self._progress = self._message = None
            lines, self._lines = self._lines, []
        try:
            while lines:
                level, texts = _first_run(lines)
                statement = claims.add_log(*self._claim.pair, level, texts)
                relaxed_database().execute(statement)
                del lines[: len(texts)]
            if progress is not None or message is not None:
                self._write_progress(progress, message)
        except BaseException as exc:
            if isinstance(exc, SQLAlchemyError) and not is_transient(exc):
                log.exception("report_refused", task_id=str(self._claim.task_id))
                return
            self._keep(lines, progress, message)
            raise

    def _keep(
        self, lines: list[tuple[str, str]], progress: float | None, message: str | None
    ) -> None:
        with self._lock:
            self._lines[:0] = lines
            self._progress = progress if self._progress is None else self._progress
            self._message = message if self._message is None else self._message

    def _write_progress(self, progress: float | None, message: str | None) -> None:
        parameters: dict[str, Any] = {
            **claims.bind_pairs([self._claim.pair]),
            "progress": progress,
            "message": message,
        }
        row = relaxed_database().execute(claims.report_progress(), parameters).one_or_none()
        if row is None:
            self._claim.lost = True
            return
        if row.cancel_requested_at is not None:
            self._claim.cancelled = True
        self._claim.changed()


def _first_run(lines: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """The first lines, as far as they are of one level."""
    level = lines[0][0]
    return level, [text for _, text in takewhile(lambda line: line[0] == level, lines)]


_reports: weakref.WeakKeyDictionary[Claim, Reports] = weakref.WeakKeyDictionary()


def write_rest(claim: Claim) -> None:
    """Write what an attempt gathered last, before it is settled: later it would be refused."""
    found = _reports.pop(claim, None)
    if found is not None:
        until_answered(found.write)


def reports_of(claim: Claim) -> Reports:
    """The one gatherer of an attempt."""
    found = _reports.get(claim)
    if found is None:
        found = _reports.setdefault(claim, Reports(claim))
    return found
