"""The scheduler class that Celery's beat runs."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime
from typing import Any

from celery.beat import Scheduler
from sqlalchemy.exc import SQLAlchemyError

from app.core import tracing
from app.core.config import get_settings
from app.core.errors import Invalid
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import Database
from app.queries import leases
from app.queries import schedules as queries
from app.scheduler import firing
from app.scheduler.entries import Entry, EntryRefused, read
from app.services.building import build_row
from app.services.catalogue import Catalogue, catalogue

MAX_WAIT_SECONDS = 2
RETRY_SECONDS = 1.0
PRUNE_SECONDS = 3600.0
# Of one tick: on SQLite nobody else writes meanwhile.
MOST_PRUNED = 1000
# Firings are remembered at least this long, whatever RETENTION_DAYS says.
SHORTEST_MEMORY_DAYS = 1.0

log = get_logger(__name__)


class DatabaseScheduler(Scheduler):
    """Keeps next slots in the database; messages, files and memory decide nothing.

    Any number of beats may run it. A beat that cannot reach the database says so once and goes
    on trying; what it missed meanwhile fires once when the database is back.
    """

    max_interval: int = MAX_WAIT_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._database = Database()
        self._entries: dict[str, Entry] = {}
        self._catalogue: Catalogue | None = None
        self._synced = False
        self._failing = False
        self._pruned_at = time.monotonic()
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._shown_at: float | None = None
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the entries of the code; the database may not be there yet."""
        tracing.start("beat", warn=True)
        self._catalogue = catalogue()
        self._entries = _read_entries(self._catalogue)

    def tick(self, *_: Any, **__: Any) -> float:
        """Fire what is due. Returns the seconds until there is something to do again."""
        try:
            wait = self._step()
        except SQLAlchemyError as error:
            self._complain(error)
            return RETRY_SECONDS
        if self._failing:
            self._failing = False
            log.info("the database answers again; schedules go on")
        return min(wait, self.max_interval)

    def _step(self) -> float:
        assert self._catalogue is not None
        if not self._synced:
            firing.sync(self._database, self._entries)
            self._synced = True
            log.info("schedules are in place", count=len(self._entries))
        report = firing.run_once(self._database, self._entries, self._catalogue)
        self._show_life()
        self._prune()
        return self.max_interval if report.wait_seconds is None else report.wait_seconds

    def _show_life(self) -> None:
        """Let doctor see that some beat is alive; of several, one shows it for all."""
        every = get_settings().heartbeat_seconds
        if self._shown_at is None or time.monotonic() - self._shown_at >= every:
            self._shown_at = time.monotonic()
            lease = max(3 * every, 3.0 * MAX_WAIT_SECONDS)
            self._database.execute(leases.take_duty(queries.BEAT_DUTY, self._holder, lease))

    def _prune(self) -> None:
        days = get_settings().retention_days
        if days and time.monotonic() - self._pruned_at > PRUNE_SECONDS:
            memory = max(days, SHORTEST_MEMORY_DAYS) * 86_400
            gone = self._database.execute(queries.prune_fires(memory, MOST_PRUNED)).all()
            if len(gone) < MOST_PRUNED:
                self._pruned_at = time.monotonic()

    def _complain(self, error: SQLAlchemyError) -> None:
        if not self._failing:
            self._failing = True
            log.error(
                "the database cannot be used and nothing fires until it can; check DATABASE_URL, "
                "that the server is up, and taskctl migrate",
                error=first_line(getattr(error, "orig", error)),
            )

    def close(self) -> None:
        """Let go of the database."""
        super().close()
        self._database.close()
        tracing.finish()

    @property
    def info(self) -> str:
        """One line of beat's banner."""
        return f"    . schedules -> {len(self._entries)}"


def _read_entries(known: Catalogue) -> dict[str, Entry]:
    """The entries that can be used. Each other one is named in the log with the reason."""
    entries = {}
    for name, given in known.schedules.items():
        try:
            entry = read(name, given, get_settings().celery_timezone)
            build_row(entry.new_task(datetime.now(UTC)), known)
        except (EntryRefused, Invalid) as error:
            log.error("schedule refused, the others go on", schedule=str(name), reason=str(error))
        except Exception as error:  # noqa: BLE001 - a lazy argument is code of the user's
            reason = f"{type(error).__name__}: {error}"
            log.error("schedule refused, the others go on", schedule=str(name), reason=reason)
        else:
            entries[name] = entry
    return entries
