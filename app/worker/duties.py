"""What one agent does for all: due rows, resend, rescue, expiry. And the window."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from app import dispatch
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db import ids
from app.db.session import Database
from app.domain import window as windows
from app.domain.counters import Counted
from app.maintenance import dependents, fold, grouping, naming, reject, rescue, resend
from app.queries import clock, due, feed, leases
from app.queries.due import Work
from app.services import rate_limits
from app.services.catalogue import catalogue
from app.worker.holdings import Holdings
from app.worker.steadiness import Steadiness

log = get_logger(__name__)

DUTY = "maintenance"
BATCH = 500
# Changes to be counted in one step: more than happens between two.
FOLD_BATCH = 50_000
# Failures cost more to count, and nothing waits for it: it comes last, and no more of them at once.
GROUP_BATCH = 5_000
# Names that are marked at once: what has been there before an upgrade is done in minutes.
NAME_BATCH = 50_000
GONE_EVERY_SECONDS = 60.0
FORGET_EVERY_SECONDS = 3600.0
FOLD_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has found: kinds of work, and queues that are to be fed."""

    kinds: set[str]
    queues: set[str]


class Duties:
    """Steps of the agent that are about the whole system, not about this machine's claims."""

    def __init__(
        self, holdings: Holdings, database: Database, holder: str, steadiness: Steadiness
    ) -> None:
        self._holdings = holdings
        self._database = database
        self._holder = holder
        self._steadiness = steadiness
        self._windows: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._resend = resend.Resend(database)
        self._reject = reject.Reject(database)
        self._gone = dependents.Gone(database)
        self._looked_for_gone_at = 0.0
        self._forgot_at = float("-inf")
        self._folded_at = time.monotonic()
        self._holds_duty = False
        self._again_soon = False

    def window(self, queue: str) -> int:
        """Rows of a queue that may be in the broker, as last computed here."""
        return self._windows.get(queue, windows.MIN_WINDOW)

    def pause(self) -> float:
        """Seconds until `run_once` is due again."""
        reconcile = get_settings().reconcile_seconds
        return min(1.0, reconcile) if self._again_soon else reconcile

    async def look(self) -> Found:
        """What there is to do now; rows whose time has come are ranked on the way."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Found:
        rows = self._database.run((due.look(), {}))[0].all()
        self._steadiness.answered(rows[0].now)
        queues = {row.queue for row in rows if row.queue}
        kinds = {row.kind for row in rows}
        if Work.RANKING in kinds:
            statement = feed.rank_ready(None, get_settings().ageing_seconds, BATCH)
            queues |= set(self._database.execute(statement).column())
        self._fold()
        dispatch.learn_blocked(row.queue for row in rows if row.kind == Work.BLOCKED)
        return Found(kinds, queues & set(catalogue().queues))

    @property
    def held(self) -> bool:
        """Whether this agent has the duty, as far as it knows."""
        return self._holds_duty

    async def run_once(self) -> None:
        """The duty, if this agent has or can get it."""
        await asyncio.to_thread(self._run_once)

    def _run_once(self) -> None:
        settings = get_settings()
        try:
            lease = max(3 * settings.reconcile_seconds, 3.0)
            statement = leases.take_duty(DUTY, self._holder, lease)
            self._holds_duty = self._database.execute(statement).first() is not None
            if self._holds_duty:
                self._maintain()
        except Exception:
            self._steadiness.failed()
            raise

    def _maintain(self) -> None:
        reports: dict[str, Any] = {}
        if self._may_rescue():
            reports["rescue"] = rescued = rescue.run_once(self._database, BATCH)
            self._count(Counted.LEASES_EXPIRED, returned=rescued.returned, ended=rescued.ended)
        reports["resend"] = resent = self._resend.run_once(BATCH)
        self._count(Counted.HINTS_RESENT, lost=resent.resent, outgrown=resent.promoted)
        self._again_soon = resent.suspected > 0
        reports["reject"] = self._reject.run_once(BATCH)
        if time.monotonic() - self._looked_for_gone_at > GONE_EVERY_SECONDS:
            self._looked_for_gone_at = time.monotonic()
            reports["gone"] = self._gone.run_once(BATCH)
        reports["fold"] = fold.run_once(self._database, FOLD_BATCH)
        if time.monotonic() - self._forgot_at > FORGET_EVERY_SECONDS:
            self._forgot_at = time.monotonic()
            fold.forget(self._database)
            grouping.forget(self._database)
            naming.forget(self._database)
        self._set_windows()
        rate_limits.sync(self._database, catalogue())
        reports["group"] = grouping.run_once(self._database, GROUP_BATCH)
        reports["name"] = naming.run_once(self._database, NAME_BATCH)
        for name, report in reports.items():
            if report.worth_telling:
                log.info(name, **report.counts())

    def _count(self, name: Counted, **numbers: int) -> None:
        for label, number in numbers.items():
            self._holdings.counts.add(name, label, number)

    def _may_rescue(self) -> bool:
        """Only after a full lease of answers from the database.

        After an outage, or a laptop's sleep, every lease is over; whoever is alive renews
        within one beat, and only then are the rest dead. Asked anew right before the rescue:
        this process may have been frozen since it last asked.
        """
        now = self._database.execute(clock.database_time()).one()[0]
        ids.learn(now)
        self._steadiness.answered(now)
        return self._steadiness.seconds() >= get_settings().lease_seconds

    def _set_windows(self) -> None:
        """Tell feeders everywhere how many slots serve each queue."""
        silence = get_settings().lease_seconds
        workers = self._database.execute(leases.live_workers_values(silence)).all()
        slots: dict[str, int] = dict.fromkeys(catalogue().queues, 0)
        for worker in workers:
            for queue in worker.queues:
                slots[queue] = slots.get(queue, 0) + (0 if worker.stopping else worker.slots)
        (found,) = self._database.run((leases.windows(), {}))
        known = {row.name: (row.slots, row.window) for row in found.all()}
        for queue, count in slots.items():
            size = windows.window(count, self._rates.get(queue, 0.0), 1.0)
            self._windows[queue] = size
            if known.get(queue) != (count, size):
                self._database.execute(feed.ensure_queue(queue))
                self._database.execute(leases.set_window(queue, count, size))

    def _fold(self) -> None:
        """Write down how long functions ran, and how fast queues are emptied."""
        elapsed = time.monotonic() - self._folded_at
        if elapsed < FOLD_EVERY_SECONDS:
            return
        self._folded_at = time.monotonic()
        measured, finished = self._holdings.take_measured()
        for name, seen in measured.items():
            mean = seen.total / seen.samples
            statement = feed.fold_runtime(name, seen.samples, mean, seen.peak)
            self._database.execute(statement)
        self._measure_rates({queue: count / elapsed for queue, count in finished.items()})

    def _measure_rates(self, rates: dict[str, float]) -> None:
        for queue in {*rates, *self._rates}:
            # Up at once, down slowly: a refill that comes late costs idle slots.
            rate = max(rates.get(queue, 0.0), self._rates.get(queue, 0.0) * 0.9)
            self._rates[queue] = rate if rate > 0.5 else 0.0
            local = sum(
                parent.slots for parent in self._holdings.parents.values() if queue in parent.queues
            )
            size = windows.window(local, self._rates[queue], 1.0)
            if size > self._windows.get(queue, 0):
                self._windows[queue] = size
                self._database.execute(leases.set_window(queue, local, size))

    def release(self) -> None:
        """Give the duty up, so that another agent need not wait."""
        self._database.execute(leases.release_duties(self._holder))
