"""The burst lane: the rows of a message are claimed in one statement and settled in one.

Everything else is as for any other row: its own fence, order, cancel, progress and history. A row
that turns out slow is noticed by a thread beside it, which settles what has ended so far and gives
the rows behind it back, so that nobody waits for it. What a death leaves unsettled runs again; that
is why only tasks that may start again take this lane.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from app.core.tracing import Span
from app.domain.lifecycle import TaskStatus
from app.hints import HintRow
from app.services import attempts
from app.services.attempts import Claimed, Outcome, Settled
from app.worker import checkpoints, draining, traces
from app.worker.claim import Claim, expect, forget
from app.worker.connections import database, tell_of_waits, until_answered
from app.worker.execution import Message, make_claim, run_body, tell
from app.worker.link import link
from app.worker.reports import write_rest
from app.worker.settling import Ran, as_judged, written

# A row that runs longer than this is slow, and nobody waits for it any more.
SLOW_SECONDS = 0.5
LOOK_SECONDS = 0.1


class Ended:
    """An attempt whose body is over and that is not settled yet."""

    __slots__ = ("at_ns", "claim", "outcome", "ran", "row", "seconds", "span")

    def __init__(
        self,
        row: HintRow,
        claim: Claim,
        ran: Ran,
        outcome: Outcome,
        seconds: float,
        span: Span,
    ) -> None:
        self.row, self.claim, self.ran, self.outcome = row, claim, ran, outcome
        self.seconds, self.span = seconds, span
        # Its span ends here, however long the others of the burst still take.
        self.at_ns = time.time_ns()


class BurstRun:
    """The rows of one message."""

    def __init__(self, rows: Sequence[HintRow], message: Message) -> None:
        self._rows = rows
        self._message = message
        self._lock = threading.Lock()
        # Held by the thread beside it while it writes: the burst is not over before.
        self._writing = threading.Lock()
        self._waiting: deque[tuple[int, HintRow, Claim]] = deque()
        self._ended: list[Ended] = []
        self._began_at: float | None = None
        self._number = 0
        self._seconds: list[float] = []

    def run(self) -> None:
        """Claim, run and settle them."""
        if draining.has_begun():
            for row in self._rows:
                draining.hand_back(row, self._message.queue)
            return
        for row in self._rows:
            expect(row.celery_id)
        self._number = link().burst(self._rows, self._message.queue, self._message.name)
        try:
            self._claim()
            with _watched(self):
                while (place := self._next()) is not None:
                    self._run_one(*place)
            link().page.write(self._number, len(self._rows))
            with self._writing:
                self._settle(self._take_ended())
                self._give_back(self._take_waiting())
        finally:
            for row in self._rows:
                forget(row.celery_id)
            total = sum(self._seconds)
            link().burst_over(len(self._seconds), total, max(self._seconds, default=0.0))

    # -- claim ------------------------------------------------------------------------------

    def _claim(self) -> None:
        pairs = [(row.task_id, row.celery_id) for row in self._rows]
        worker = self._message.worker

        def in_doubt(found: list[Claimed]) -> list[Claimed]:
            got = {each.id for each in found}
            missing = [pair for pair in pairs if pair[0] not in got]
            again = [attempts.claimed_already(database(), pair, worker) for pair in missing]
            return found + [each for each in again if each is not None]

        found = until_answered(
            lambda: attempts.claim_many(database(), pairs, worker), in_doubt=in_doubt
        )
        by_id = {each.id: each for each in found}
        if refused := len(self._rows) - len(by_id):
            link().refused(refused)
        for place, row in enumerate(self._rows):
            if (claimed := by_id.get(row.task_id)) is not None:
                self._waiting.append((place, row, make_claim(row, claimed, self._message)))

    # -- run --------------------------------------------------------------------------------

    def _next(self) -> tuple[int, HintRow, Claim] | None:
        """The next row to run; none while the worker is told to stop."""
        with self._lock:
            self._began_at = None
            if not self._waiting or draining.has_begun():
                return None
            found = self._waiting.popleft()
            link().page.write(self._number, found[0])
            self._began_at = time.monotonic()
            return found

    def _run_one(self, place: int, row: HintRow, claim: Claim) -> None:
        started = time.monotonic()
        span = traces.begin(claim, self._message.worker, started, alone=False)
        with span:
            ran, ending = run_body(claim, self._message.body)
        seconds = time.monotonic() - started
        self._began_at = None  # what follows is not the row's own slowness
        write_rest(claim)
        self._seconds.append(seconds)
        if isinstance(ending, Outcome):
            with self._lock:
                self._ended.append(Ended(row, claim, ran, ending, seconds, span))
        else:
            # It runs again, which takes more than one statement.
            self._tell(Ended(row, claim, ran, Outcome(TaskStatus.FAILED), seconds, span),
                       written(claim, ending))  # fmt: skip

    # -- settle -----------------------------------------------------------------------------

    def _take_ended(self) -> list[Ended]:
        with self._lock:
            ended, self._ended = self._ended, []
            return ended

    def _take_waiting(self) -> list[tuple[int, HintRow, Claim]]:
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
            return waiting

    def _settle(self, ended: list[Ended]) -> None:
        if not ended:
            return
        outcomes = [(each.claim.pair, each.outcome) for each in ended]

        def in_doubt(settled: list[Settled]) -> list[Settled]:
            got = {each.task_id for each in settled}
            missing = [pair for pair, _ in outcomes if pair[0] not in got]
            again = [attempts.settled_already(database(), pair) for pair in missing]
            return settled + [each for each in again if each is not None]

        try:
            settled = until_answered(
                lambda: attempts.settle(database(), outcomes), in_doubt=in_doubt
            )
        except SQLAlchemyError:
            # One of them cannot be stored; by itself each gets what can.
            for each in ended:
                self._tell(each, written(each.claim, each.outcome))
            return
        by_id = {each.task_id: each for each in settled}
        for each in ended:
            self._tell(each, by_id.get(each.claim.task_id))

    def _tell(self, ended: Ended, settled: Settled | None) -> None:
        checkpoints.forget(ended.claim, settled)
        with ended.span:
            tell(ended.claim, ended.ran, settled, ended.seconds)
        traces.end(ended.span, ended.ran, settled, ended.at_ns)
        if settled is not None and (settled.deleted or settled.status == TaskStatus.PENDING):
            again = settled.queue if settled.status == TaskStatus.PENDING else None
            link().settled(ended.row, again, settled.deleted, None)
        if settled is not None and settled.awaited:
            link().awaited()
        judged = as_judged(ended.ran, settled, ended.claim.secrets)
        self._message.ended(ended.row, judged)

    def _give_back(self, waiting: list[tuple[int, HintRow, Claim]]) -> None:
        if not waiting:
            return
        pairs = [claim.pair for _, _, claim in waiting]
        returned = until_answered(lambda: attempts.return_unbegun(database(), pairs))
        queues = {each.task_id: each.queue for each in returned}
        for _, row, claim in waiting:
            link().settled(row, queues.get(claim.task_id), False, None)

    # -- beside it --------------------------------------------------------------------------

    def look(self) -> None:
        """Let nobody wait for a row that is slow. Called by the thread beside it."""
        with self._writing:
            began = self._began_at
            if began is None or time.monotonic() - began < SLOW_SECONDS:
                return
            # The row that runs is in neither list.
            self._give_back(self._take_waiting())
            self._settle(self._take_ended())
        link().flush()


class _Watch:
    """The thread beside the bursts of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._run: BurstRun | None = None
        self._due = threading.Event()
        threading.Thread(target=self._look, name="burst-watch", daemon=True).start()

    def __call__(self, run: BurstRun | None) -> None:
        self._run = run
        if run is not None:
            self._due.set()

    def _look(self) -> None:
        while True:
            self._due.wait()
            time.sleep(LOOK_SECONDS)
            run = self._run
            if run is None:
                self._due.clear()
            else:
                tell_of_waits(lambda: None)
                run.look()


_watch: _Watch | None = None


class _watched:  # noqa: N801 - reads as what it is: `with _watched(run):`
    """While it lasts, a thread looks whether a row is slow."""

    def __init__(self, run: BurstRun) -> None:
        self._burst = run

    def __enter__(self) -> None:
        global _watch
        if _watch is None or _watch.pid != os.getpid():
            _watch = _Watch()
        _watch(self._burst)

    def __exit__(self, *_: object) -> None:
        if _watch is not None:
            _watch(None)
