"""Ending attempts from outside: cancels, time and memory limits, slow slices, shutdown.

A forced stop must hit the attempt it is meant for and never the next one of the same process.
So the process is frozen first; then everything it said is read. It says what it claims before
it claims and what it settled before it claims again, so what it said last is what it does now,
and while frozen it can do nothing else.

`run_once` needs no database: limits hold while that is away. `look_once` asks it for cancels.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Sequence
from typing import Literal

import psutil
from sqlalchemy.exc import SQLAlchemyError

from app import dispatch, events
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.domain.lifecycle import Reason, TaskStatus
from app.domain.window import SLICE_SECONDS
from app.queries import claims, feed, leases
from app.queries import tasks as task_queries
from app.services.attempts import LostTo
from app.worker.deaths import RECONNECT_SECONDS
from app.worker.holdings import Held, Holdings, Pair, Parent, Process

log = get_logger(__name__)

# A row of a slice that runs ten times longer than a whole slice should is slow.
SLOW_SECONDS = 10 * SLICE_SECONDS
# Part of the grace that is left to the task itself before it is interrupted.
SOFT_FRACTION = 0.3
FREEZE_SECONDS = 1.0
# How often claims and, where it is limited, memory are looked at.
PAUSE_SECONDS = 0.2
MEMORY_PAUSE_SECONDS = 0.1
# A thread that swallowed what was raised in it is told again.
REPEAT_SECONDS = 1.0
MEGABYTE = 1024 * 1024


class Stops:
    """Carries out what must stop, each stage once."""

    def __init__(self, holdings: Holdings, database: Database) -> None:
        self._holdings = holdings
        self._database = database
        self._idle_bytes: dict[int, int] = {}
        self.due = asyncio.Event()

    def pause(self) -> float:
        """Seconds until something here is due; at least a moment."""
        now = time.monotonic()
        waits = [when - now for _, held in self._holdings.all_held() for when in _deadlines(held)]
        due = [wait for wait in waits if wait > 0]
        limited = get_settings().task_memory_limit_mb is not None
        return max(0.02, min([MEMORY_PAUSE_SECONDS if limited else PAUSE_SECONDS, *due]))

    async def run_once(self) -> None:
        """One look at everything that runs here."""
        for parent in list(self._holdings.parents.values()):
            self._see_shutdown(parent)
        for process in list(self._holdings.processes.values()):
            process.running()  # looks which row of a burst it is
            for held in list(process.held.values()):
                await self._advance(process, held)
        for process in list(self._holdings.processes.values()):
            await self._limit_memory(process)

    async def look_once(self) -> None:
        """One look at the database, and what is to be written there."""
        await self._see_cancels()
        for process in list(self._holdings.processes.values()):
            await self._give_slow_slice_back(process)

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
                self.due.set()

    async def acknowledge(self, pairs: Sequence[Pair]) -> None:
        """Attempts have learned that they are to stop."""
        statement = claims.acknowledge_cancels([c for _, c in pairs], [t for t, _ in pairs])
        await asyncio.to_thread(self._database.execute, statement)
        events.changed([task_id for task_id, _ in pairs])

    async def cancel_by_message(self, celery_ids: list[uuid.UUID]) -> None:
        """Somebody revoked messages in Flower; the tasks behind them are cancelled."""
        find = claims.cancel_by_message(celery_ids)
        rows = await asyncio.to_thread(lambda: self._database.execute(find).all())
        grace = get_settings().cancel_grace_seconds
        for row in rows:
            for statement in (
                task_queries.cancel_if_pending([row.id], None, Reason.FLOWER),
                task_queries.request_cancel_if_running([row.id], None, Reason.FLOWER, grace),
            ):
                await asyncio.to_thread(self._database.execute, statement)
        events.changed([row.id for row in rows])
        events.wake_agents()

    # -- stages ---------------------------------------------------------------------------

    async def _advance(self, process: Process, held: Held) -> None:
        if held.waiting:
            return  # for the database, with no code running: an outage is not the task's fault
        if held.lost_at is not None:
            await self._end_lost(process, held)
        if not held.begun:
            if held.cancel_seen_at is not None:
                self._tell(process, held, "cancel")
            return
        if held.cancel_seen_at is not None:
            await self._cancel(process, held, held.cancel_seen_at)
        await self._limit_time(process, held)
        parent = self._holdings.parents.get(process.worker)
        if parent is not None and parent.interrupted and parent.stopping_since is not None:
            self._tell(process, held, "interrupt")
            drained = parent.stopping_since + get_settings().drain_seconds
            if time.monotonic() >= drained + get_settings().cancel_grace_seconds * SOFT_FRACTION:
                # Nothing new is begun by now, so whatever runs in it is to be interrupted.
                await self._kill(process, process.running(), "interrupt")

    async def _end_lost(self, process: Process, held: Held) -> None:
        self._tell(process, held, "lost")
        if time.monotonic() >= (held.lost_at or 0.0) + get_settings().cancel_grace_seconds:
            await self._kill(process, [held], "lost")

    async def _cancel(self, process: Process, held: Held, seen_at: float) -> None:
        self._tell(process, held, "cancel")
        now, grace = time.monotonic(), get_settings().cancel_grace_seconds
        if now >= seen_at + grace * SOFT_FRACTION:
            self._tell(process, held, "soft")
        if now >= seen_at + grace:
            await self._force(process, held, "stop", "soft")

    async def _limit_time(self, process: Process, held: Held) -> None:
        ran = time.monotonic() - held.since
        if held.soft_time_limit is not None and ran >= held.soft_time_limit:
            self._tell(process, held, "timeout")
        if ran >= hard_limit(held):
            await self._force(process, held, "timeout", "hard")

    async def _force(self, process: Process, held: Held, cause: LostTo, order: str) -> None:
        """End the process where it runs this attempt alone; else raise in its thread, repeatedly."""
        if not self._is_threaded(process):
            await self._kill(process, [held], cause)
        elif time.monotonic() - held.repeated_at >= REPEAT_SECONDS:
            held.repeated_at = time.monotonic()
            held.told.discard(order)
            self._tell(process, held, order)

    def _see_shutdown(self, parent: Parent) -> None:
        """A worker that still has work after draining gives it back."""
        if parent.stopping_since is None or parent.interrupted:
            return
        if parent.retiring_since is not None:
            return  # another one works in its place, so there is no hurry
        for process in self._holdings.of_worker(parent.name):
            process.stopping = True
        if time.monotonic() - parent.stopping_since >= get_settings().drain_seconds:
            parent.interrupted = True
            log.info("drain_over", worker=parent.name)

    @staticmethod
    def _tell(process: Process, held: Held, order: str) -> None:
        if order in held.told or process.connection is None:
            return
        held.told.add(order)
        process.connection.send([order, str(held.pair[1])])

    def _is_threaded(self, process: Process) -> bool:
        """Threads share a process, so ending one attempt would end its neighbours."""
        parent = self._holdings.parents.get(process.worker)
        return parent is not None and parent.pool not in ("prefork", "processes", "solo")

    async def _kill(
        self, process: Process, targets: list[Held], cause: LostTo | Literal["lost"]
    ) -> None:
        """End the process, if it still runs nothing but these very claims."""
        if not targets or all(held.cause is not None for held in targets):
            return
        if self._holdings.parents.get(process.worker) is None or _reconnects(process):
            return
        if not await _freeze(process.pid):
            return
        if await self._runs_only(process, targets):
            for held in process.running():
                held.cause = held.cause or cause
                task_id = str(held.pair[0])
                log.warning("attempt_killed", task_id=task_id, pid=process.pid, cause=str(cause))
            _end(process.pid)
        else:
            _signal(process.pid, signal.SIGCONT)

    async def _runs_only(self, process: Process, targets: list[Held]) -> bool:
        """Whether a frozen process runs these claims and no other."""
        if process.connection is None and not await self._run_by_their_rows(targets):
            return False
        if process.connection is not None:
            process.connection.drain()
        held_now = process.running()
        return bool(held_now) and all(any(h is t for t in targets) for h in held_now)

    async def _run_by_their_rows(self, targets: list[Held]) -> bool:
        """For a process that cannot speak: it settles a claim before it makes the next."""
        read = leases.read_back([held.pair for held in targets])
        try:
            rows = await asyncio.to_thread(lambda: self._database.execute(read).all())
        except SQLAlchemyError:
            return False
        running = {row.celery_id for row in rows if row.status == TaskStatus.RUNNING}
        return running >= {held.pair[1] for held in targets}

    # -- memory ---------------------------------------------------------------------------

    async def _limit_memory(self, process: Process) -> None:
        """End an attempt that uses too much memory before the kernel ends something else."""
        limit = get_settings().task_memory_limit_mb
        if limit is None:
            return
        used = self._bytes_beyond_idle(process)
        # On threads nobody can say whose it is, unless one runs alone.
        if used > limit * MEGABYTE and len(running := process.running()) == 1:
            await self._kill(process, running, "memory")

    def _bytes_beyond_idle(self, process: Process) -> int:
        """What the process has beyond what it needs without any task.

        A pool process begins as a copy of its parent, which therefore knows that figure; others
        are measured when they are first seen.
        """
        try:
            used = int(psutil.Process(process.pid).memory_info().rss)
            idle = self._idle_bytes.setdefault(process.pid, used)
            if process.parent != process.pid:
                idle = int(psutil.Process(process.parent).memory_info().rss)
        except psutil.Error:
            return 0
        return used - idle

    # -- slices ---------------------------------------------------------------------------

    async def _give_slow_slice_back(self, process: Process) -> None:
        """Rows behind a slow one get new hints, and those of a worker that stops; the old ones
        lose at the claim."""
        if not process.slice_rest:
            return
        running = max((time.monotonic() - h.since for h in process.held.values()), default=0.0)
        if running >= SLOW_SECONDS or process.stopping:
            rest, process.slice_rest = process.slice_rest, []
            await self.hand_back(process.slice_queue, rest)

    async def hand_back(self, queue: str, pairs: list[Pair]) -> None:
        """Let these rows, which nobody has claimed, have new hints."""
        await asyncio.to_thread(self._database.execute, feed.unmark(pairs))
        dispatch.wake(queue)
        dispatch.freed()


def hard_limit(held: Held) -> float:
    """Seconds that an attempt may run; there always is a limit."""
    return held.time_limit or get_settings().task_time_limit_seconds


def _reconnects(process: Process) -> bool:
    """Whether it lost its connection a moment ago, and will soon say what it runs."""
    gone = process.gone_since
    return process.connection is None and (
        gone is None or time.monotonic() - gone < RECONNECT_SECONDS
    )


def _deadlines(held: Held) -> list[float]:
    """Monotonic instants at which a claim has to be looked at."""
    due: list[float] = []
    if not held.begun:
        return due
    if held.cancel_seen_at is not None and held.cause is None:
        grace = get_settings().cancel_grace_seconds
        if "soft" not in held.told:
            due.append(held.cancel_seen_at + grace * SOFT_FRACTION)
        else:
            due.append(held.cancel_seen_at + grace)
    if held.soft_time_limit is not None and "timeout" not in held.told:
        due.append(held.since + held.soft_time_limit)
    if held.cause is None:
        due.append(held.since + hard_limit(held))
    return due


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


def _end(pid: int) -> None:
    """Kill a frozen process and the programs it has started: they are the attempt's code too."""
    try:
        offspring = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        offspring = []
    _signal(pid, signal.SIGKILL)
    for child in offspring:
        if child.pid != os.getpid():  # a worker without a supervisor keeps its agent itself
            _signal(child.pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
