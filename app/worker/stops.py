"""Ending attempts from outside: cancels, time limits, slow slices, dead processes, shutdown.

A forced stop must hit the attempt it is meant for and never the next one of the same process.
So the process is frozen first; then everything it said is read. It says what it claims before
it claims and what it settled before it claims again, so what it said last is what it does now,
and while frozen it can do nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Sequence

import psutil

from app import dispatch, events
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.domain.lifecycle import Reason
from app.domain.window import SLICE_SECONDS
from app.queries import claims, feed, leases
from app.queries import tasks as task_queries
from app.services import attempts
from app.services.attempts import LostTo, Settled
from app.worker.holdings import Held, Holdings, Pair, Parent, Process
from app.worker.outcome import timeout_message

log = get_logger(__name__)

# A row of a slice that runs ten times longer than a whole slice should is slow.
SLOW_SECONDS = 10 * SLICE_SECONDS
# Part of the grace that is left to the task itself before it is interrupted.
SOFT_FRACTION = 0.3
FREEZE_SECONDS = 1.0


class Stops:
    """Carries out what must stop, each stage once."""

    def __init__(self, holdings: Holdings, database: Database) -> None:
        self._holdings = holdings
        self._database = database

    def soonest(self) -> float:
        """Seconds until something here is due; at least a moment."""
        now = time.monotonic()
        due = [when - now for _, held in self._holdings.all_held() for when in _deadlines(held)]
        return max(0.02, min(due, default=3600.0))

    async def run_once(self) -> None:
        """One look at everything that runs here."""
        await self._see_cancels()
        for parent in list(self._holdings.parents.values()):
            self._see_shutdown(parent)
        for process, held in list(self._holdings.all_held()):
            await self._advance(process, held)
        for process in list(self._holdings.processes.values()):
            await self._give_slow_slice_back(process)
            await self._limit_memory(process)

    # -- cancels --------------------------------------------------------------------------

    async def _see_cancels(self) -> None:
        workers = sorted({process.worker for process in self._holdings.processes.values()})
        if not any(process.held for process in self._holdings.processes.values()):
            return
        statement = leases.cancels(workers)
        rows = await asyncio.to_thread(lambda: self._database.execute(statement).all())
        wanted = {row.celery_id for row in rows}
        for _, held in self._holdings.all_held():
            if held.pair[1] in wanted and held.cancel_seen_at is None:
                held.cancel_seen_at = time.monotonic()

    async def acknowledge(self, pairs: Sequence[Pair]) -> None:
        """Attempts have learned that they are to stop."""
        statement = claims.acknowledge_cancels([c for _, c in pairs], [t for t, _ in pairs])
        await asyncio.to_thread(self._database.execute, statement)
        events.changed([task_id for task_id, _ in pairs])

    async def cancel_by_message(self, celery_ids: list[uuid.UUID]) -> None:
        """Somebody revoked messages in Flower; the tasks behind them are cancelled."""
        find = claims.cancel_by_message(celery_ids)
        rows = await asyncio.to_thread(lambda: self._database.execute(find).all())
        for row in rows:
            for statement in (
                task_queries.cancel_if_pending(row.id, None, Reason.FLOWER),
                task_queries.request_cancel_if_running(row.id, None, Reason.FLOWER),
            ):
                await asyncio.to_thread(self._database.execute, statement)
        events.changed([row.id for row in rows])
        events.wake_agents()

    # -- stages ---------------------------------------------------------------------------

    async def _advance(self, process: Process, held: Held) -> None:
        now = time.monotonic()
        if held.cancel_seen_at is not None:
            self._tell(process, held, "cancel")
            grace = get_settings().cancel_grace_seconds
            if now >= held.cancel_seen_at + grace * SOFT_FRACTION:
                self._tell(process, held, "soft")
            if now >= held.cancel_seen_at + grace:
                await self._kill(process, held, "stop")
        ran = now - held.since
        if held.soft_time_limit is not None and ran >= held.soft_time_limit:
            self._tell(process, held, "timeout")
        if held.time_limit is not None and ran >= held.time_limit:
            await self._kill(process, held, "timeout")
        parent = self._holdings.parents.get(process.worker)
        if parent is not None and parent.interrupted and parent.stopping_since is not None:
            self._tell(process, held, "interrupt")
            since = now - parent.stopping_since - get_settings().drain_seconds
            if since >= get_settings().cancel_grace_seconds * SOFT_FRACTION:
                await self._kill(process, held, "interrupt")

    def _see_shutdown(self, parent: Parent) -> None:
        """A worker that still has work after draining gives it back."""
        if parent.stopping_since is None or parent.interrupted:
            return
        if time.monotonic() - parent.stopping_since >= get_settings().drain_seconds:
            parent.interrupted = True
            log.info("drain_over", worker=parent.name)

    @staticmethod
    def _tell(process: Process, held: Held, order: str) -> None:
        if order in held.told or process.connection is None:
            return
        held.told.add(order)
        process.connection.send([order, str(held.pair[1])])

    async def _kill(self, process: Process, held: Held, cause: LostTo) -> None:
        """End the process, if it still runs this very claim."""
        if held.cause is not None or not _can_be_killed(self._holdings, process):
            return
        if not await _freeze(process.pid):
            return
        if process.connection is not None:
            process.connection.drain()
        if process.held.get(held.pair[1]) is held:
            held.cause = cause
            log.warning(
                "attempt_killed", task_id=str(held.pair[0]), pid=process.pid, cause=str(cause)
            )
            _signal(process.pid, signal.SIGKILL)
        else:
            _signal(process.pid, signal.SIGCONT)

    async def _limit_memory(self, process: Process) -> None:
        """End an attempt that uses too much memory before the kernel ends something else."""
        limit = get_settings().task_memory_limit_mb
        if limit is None or not process.held:
            return
        try:
            used = psutil.Process(process.pid).memory_info().rss
        except psutil.Error:
            return
        if used > limit * 1024 * 1024:
            for held in list(process.held.values()):
                await self._kill(process, held, "memory")

    # -- slices ---------------------------------------------------------------------------

    async def _give_slow_slice_back(self, process: Process) -> None:
        """Rows behind a slow one get new hints; their old ones lose at the claim."""
        if not process.slice_rest:
            return
        running = max((time.monotonic() - h.since for h in process.held.values()), default=0.0)
        if running >= SLOW_SECONDS:
            await self._give_rest_back(process)

    async def _give_rest_back(self, process: Process) -> None:
        rest, process.slice_rest = process.slice_rest, []
        if rest:
            await asyncio.to_thread(self._database.execute, feed.unmark(rest))
            dispatch.wake(process.slice_queue)

    # -- deaths ---------------------------------------------------------------------------

    async def settle_for(self, process: Process) -> None:
        """Settle what a dead process had claimed, and give back what it had not."""
        for held in list(process.held.values()):
            settled = await asyncio.to_thread(self._lose, held, process.pid)
            process.held.pop(held.pair[1], None)
            if settled is None:
                continue
            log.warning(
                "settled_for_dead_process",
                task_id=str(settled.task_id),
                pid=process.pid,
                status=settled.status,
            )
            events.changed([settled.task_id])
            if settled.queue:
                dispatch.wake(settled.queue)
        await self._give_rest_back(process)

    def _lose(self, held: Held, pid: int) -> Settled | None:
        cause: LostTo = held.cause or "crash"
        message = {
            "crash": f"the process that ran the task (pid {pid}) died",
            "memory": f"the process that ran the task (pid {pid}) used more than "
            f"TASK_MEMORY_LIMIT_MB={get_settings().task_memory_limit_mb}",
            "timeout": timeout_message(held.name, held.time_limit),
            "interrupt": "the worker was shut down",
            "stop": "stopped by force after the grace period",
        }[cause]
        settled = attempts.lose(self._database, held.pair, cause, message)
        if settled is None:
            # It may have died between saying that it claims and claiming: the hint is spent.
            self._database.execute(feed.unmark([held.pair]))
            dispatch.wake(held.queue)
        return settled


def _deadlines(held: Held) -> list[float]:
    """Monotonic instants at which a claim has to be looked at."""
    due = []
    if held.cancel_seen_at is not None and held.cause is None:
        grace = get_settings().cancel_grace_seconds
        if "soft" not in held.told:
            due.append(held.cancel_seen_at + grace * SOFT_FRACTION)
        else:
            due.append(held.cancel_seen_at + grace)
    if held.soft_time_limit is not None and "timeout" not in held.told:
        due.append(held.since + held.soft_time_limit)
    if held.time_limit is not None and held.cause is None:
        due.append(held.since + held.time_limit)
    return due


def _can_be_killed(holdings: Holdings, process: Process) -> bool:
    """Threads share a process, so ending one attempt there would end its neighbours."""
    parent = holdings.parents.get(process.worker)
    return parent is None or parent.pool in ("prefork", "processes", "solo")


async def _freeze(pid: int) -> bool:
    """Stop a process and see that it has stopped."""
    if not _signal(pid, signal.SIGSTOP):
        return False
    deadline = time.monotonic() + FREEZE_SECONDS
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                return True
        except psutil.Error:
            return False
        await asyncio.sleep(0.005)
    _signal(pid, signal.SIGCONT)
    return False


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
