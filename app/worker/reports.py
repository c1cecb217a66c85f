"""Progress and log lines of an attempt: gathered for a moment, fenced, bounded."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import MAX_LINE, MAX_MESSAGE, clean
from app.queries import claims
from app.worker.claim import Claim
from app.worker.connections import relaxed_database

log = get_logger(__name__)

# A body may report as often as it likes; the row is written this often at most.
INTERVAL_SECONDS = 0.25
MAX_LINES = 1000
LIMIT_LINE = f"[more than {MAX_LINES} lines: the rest of this attempt's are not kept]"


class Reports:
    """What one attempt wants to tell. Thread-safe; a database that is away delays nothing."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._lock = threading.Lock()
        self._progress: float | None = None
        self._message: str | None = None
        self._lines: list[tuple[str, str]] = []
        self._kept = 0
        self._written_at = 0.0

    def progress(self, percent: float, message: str | None) -> None:
        """Keep progress, and write it if the last write is a moment ago."""
        with self._lock:
            self._progress = min(100.0, max(0.0, float(percent)))
            if message is not None:
                self._message = clean(str(message), MAX_MESSAGE)
        self._write_if_due()

    def line(self, text: str, level: str) -> None:
        """Keep a log line; past the limit one line says so and the rest is dropped."""
        with self._lock:
            if self._kept >= MAX_LINES:
                return
            self._kept += 1
            text = LIMIT_LINE if self._kept == MAX_LINES else clean(str(text), MAX_LINE)
            self._lines.append((level, text))
        self._write_if_due()

    def _write_if_due(self) -> None:
        if time.monotonic() - self._written_at >= INTERVAL_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what was gathered. A failure is logged and the gathering goes on."""
        with self._lock:
            progress, message = self._progress, self._message
            self._progress = self._message = None
            lines, self._lines = self._lines, []
            self._written_at = time.monotonic()
        try:
            if lines:
                self._write_lines(lines)
            if progress is not None or message is not None:
                self._write_progress(progress, message)
        except SQLAlchemyError as exc:
            log.warning("report_not_written", error=str(exc).splitlines()[0])

    def _write_lines(self, lines: list[tuple[str, str]]) -> None:
        for level, texts in _runs(lines):
            statement = claims.add_log(*self._claim.pair, level, texts)
            relaxed_database().execute(statement)

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


def _runs(lines: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Neighbouring lines of one level together, in order."""
    runs: list[tuple[str, list[str]]] = []
    for level, text in lines:
        if runs and runs[-1][0] == level:
            runs[-1][1].append(text)
        else:
            runs.append((level, [text]))
    return runs


_reports: weakref.WeakKeyDictionary[Claim, Reports] = weakref.WeakKeyDictionary()


def write_rest(claim: Claim) -> None:
    """Write what an attempt gathered last, before it is settled: later it would be refused."""
    found = _reports.pop(claim, None)
    if found is not None:
        found.write()


def reports_of(claim: Claim) -> Reports:
    """The one gatherer of an attempt."""
    found = _reports.get(claim)
    if found is None:
        found = _reports.setdefault(claim, Reports(claim))
    return found
