"""Retention at a pace: a small batch, and then the database is left alone for a multiple of its time.

Whoever reads meanwhile meets it rarely, however much there is to remove. What it costs is time: a
million rows take hours, which is soon enough unless more comes than goes. Then it takes a larger
share, until nothing is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.maintenance import prune
from app.maintenance.prune import PruneReport

log = get_logger(__name__)

# Rows of one transaction.
BATCH = 100
# Part of the time in which it is at work: usually, and when it is late.
SHARE, SHARE_WHEN_LATE = 0.04, 1 / 3
# A pass lasts so long at most, and it is so long until the next one when nothing is left.
EVERY_SECONDS = 60.0


class Retention:
    """Removes what has served its time, in passes, as long as `held()` is true.

    `clock` and `rest` are in seconds; they are given by tests, and `is_late` by the benchmark, too.
    """

    def __init__(
        self,
        database: Database,
        held: Callable[[], bool],
        *,
        is_late: Callable[[Database], bool] = prune.is_late,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._held = held
        self._is_late = is_late
        self._clock = clock
        self._rest = rest
        self._late = False
        self._more = False

    def pause(self) -> float:
        """Seconds until `run_once` is due again."""
        if not self._held():
            return get_settings().reconcile_seconds
        return 0.0 if self._more else EVERY_SECONDS

    async def run_once(self) -> PruneReport:
        """One pass: until nothing is left, or a minute is over and all kinds are looked at anew."""
        self._more = False  # also after an error
        removed = PruneReport()
        if not self._held():
            return removed
        self._late = self._late or await self._falls_behind()
        until = self._clock() + EVERY_SECONDS
        steps = prune.steps(self._database, BATCH)
        while (gone := await self._step(steps)) is not None:
            removed += gone
            if self._clock() > until or not self._held():
                self._more = True
                break
        if removed.worth_telling:
            log.info("prune", **removed.counts())
        if self._late and not self._more:
            self._late = False
            log.info("retention_caught_up")
        return removed

    async def _falls_behind(self) -> bool:
        late = await asyncio.to_thread(self._is_late, self._database)
        if late:
            log.warning(
                "retention_late",
                share=round(SHARE_WHEN_LATE, 2),
                cure="it takes this share of the time until it has caught up; readers may notice",
            )
        return late

    async def _step(self, steps: Iterator[PruneReport]) -> PruneReport | None:
        """One transaction and the rest after it; None at the end."""
        began = self._clock()
        gone = await asyncio.to_thread(next, steps, None)
        took = self._clock() - began
        share = SHARE_WHEN_LATE if self._late else SHARE
        # It may have waited for long, for a lock or because the process was halted.
        await self._rest(min(took * (1 / share - 1), EVERY_SECONDS))
        return gone
