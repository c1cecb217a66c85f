"""Processes that died: what they had claimed is settled, what they had not goes back.

Who is to blame decides what it costs. A pool process that dies alone was ended by its own task.
When a worker's main process dies its children die with it, and on threads all tasks share one
process: then one of many did it, or none. So a dead process is looked at together with the rest
of its worker.
"""

from __future__ import annotations

import asyncio
import time
import uuid

import psutil

from app import dispatch, events
from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.domain.counters import Counted
from app.queries import feed
from app.services import attempts
from app.services.attempts import Blame, LostTo, Settled
from app.services.traces import write_lost
from app.worker.burst_page import forget as forget_page
from app.worker.holdings import Held, Holdings, Process
from app.worker.outcome import timeout_message

log = get_logger(__name__)

# How long a process whose connection closed may take to come back before it counts as dead.
RECONNECT_SECONDS = 2.0
# Signals to a whole group do not end its members at the same instant.
TOGETHER_SECONDS = 0.1
STRAGGLER_SECONDS = 1.0


class Deaths:
    """Settles for the dead of this machine."""

    def __init__(self, holdings: Holdings, database: Database) -> None:
        self._holdings = holdings
        self._database = database

    async def run_once(self) -> bool:
        """Settle for whoever is dead by now; whether somebody is still dying."""
        gone = [each for each in self._holdings.processes.values() if each.gone_since is not None]
        waiting = False
        for worker in sorted({process.worker for process in gone}):
            dead = [each for each in gone if each.worker == worker and not _may_live(each)]
            together = self._together(worker, dead)
            waiting = waiting or len(together) < len(dead)
            await self._settle(together)
        # One that is silent for long, and lives, is looked at at the ordinary pace.
        return waiting or any(_recently(process) for process in gone if _may_live(process))

    def _together(self, worker: str, dead: list[Process]) -> list[Process]:
        """Those that may be judged now."""
        first = min((each.gone_since or 0.0 for each in dead), default=0.0)
        since = time.monotonic() - first
        if since < TOGETHER_SECONDS:
            return []
        siblings = self._holdings.of_worker(worker)
        parent_died = any(not is_alive(each.parent) for each in dead)
        if parent_died and since < STRAGGLER_SECONDS and len(dead) < len(siblings):
            return []
        return dead

    async def _settle(self, dead: list[Process]) -> None:
        alone = [each for each in dead if each.pid != each.parent and is_alive(each.parent)]
        shared = [each for each in dead if each not in alone]
        for group in [*([process] for process in alone), shared]:
            blamed = await self._blame(group)
            for process in group:
                await self._return_unbegun(process)
                await self._settle_for(process, blamed)
                self._holdings.processes.pop(process.pid, None)
                dispatch.freed()

    async def _blame(self, group: list[Process]) -> dict[uuid.UUID, Blame]:
        """Why each attempt ended, as far as it was not ended on purpose."""
        causes: dict[uuid.UUID, Blame] = {}
        unexplained = []
        for process in group:
            wanted = any(held.cause for held in process.held.values())
            for held in process.running():
                if process.stopping or "interrupt" in held.told:
                    causes[held.pair[1]] = Blame("interrupt")
                elif wanted:
                    causes[held.pair[1]] = Blame("neighbour")
                else:
                    unexplained.append(held.pair)
        if unexplained:
            causes |= await asyncio.to_thread(attempts.blame, self._database, unexplained)
        return causes

    async def _return_unbegun(self, process: Process) -> None:
        """Of a burst, the rows behind the one that ran have not begun, and are as they were."""
        burst = process.burst
        if burst is None:
            return
        unbegun = burst.rows[burst.look() + 1 :]
        pairs = [held.pair for held in unbegun]
        returned = await asyncio.to_thread(attempts.return_unbegun, self._database, pairs)
        if pairs:
            # Those that it died before claiming.
            await asyncio.to_thread(self._database.execute, feed.unmark(pairs))
            dispatch.wake(unbegun[0].queue)
        events.changed([settled.task_id for settled in returned])
        for held in unbegun:
            process.held.pop(held.pair[1], None)
        forget_page(burst.path)

    async def _settle_for(self, process: Process, blamed: dict[uuid.UUID, Blame]) -> None:
        for held in list(process.held.values()):
            # The row of a lost claim is somebody else's; the fence refuses what is written for it.
            if held.cause is None or held.cause == "lost":
                # One of a burst that has ended and was not settled yet dies with its neighbour.
                unsettled = process.burst is not None and not held.begun
                blame = Blame("neighbour" if unsettled else "crash")
                blame = blamed.get(held.pair[1], blame)
            else:
                blame = Blame(held.cause)
            settled = await asyncio.to_thread(self._lose, held, process.pid, blame)
            process.held.pop(held.pair[1], None)
            if settled is not None:
                self._holdings.counts.add(Counted.SETTLED_FOR_DEAD, blame.cause)
                write_lost(settled)
                _tell(settled, process.pid, blame.cause)
        rest, process.slice_rest = process.slice_rest, []
        if rest:
            await asyncio.to_thread(self._database.execute, feed.unmark(rest))
            dispatch.wake(process.slice_queue)

    def _lose(self, held: Held, pid: int, blame: Blame) -> Settled | None:
        settled = attempts.lose(
            self._database,
            held.pair,
            blame.cause,
            _message(held, pid, blame.cause),
            wait_seconds=blame.wait_seconds,
        )
        if settled is None:
            # It may have died between saying that it claims and claiming: the hint is spent.
            self._database.execute(feed.unmark([held.pair]))
            dispatch.wake(held.queue)
        return settled


def _message(held: Held, pid: int, cause: LostTo) -> str:
    died = f"the process that ran the task (pid {pid}) died"
    return {
        "crash": died,
        "suspect": f"{died} with others of its worker",
        "neighbour": f"{died} with others of its worker",
        "memory": f"the process that ran the task (pid {pid}) used more than "
        f"TASK_MEMORY_LIMIT_MB={get_settings().task_memory_limit_mb}",
        "timeout": timeout_message(held.name, held.time_limit),
        "interrupt": "the worker was shut down",
        "stop": "stopped by force after the grace period",
    }[cause]


def _tell(settled: Settled, pid: int, cause: LostTo) -> None:
    log.warning(
        "settled_for_dead_process",
        task_id=str(settled.task_id),
        pid=pid,
        cause=str(cause),
        status=settled.status,
    )
    events.changed([settled.task_id])
    if settled.queue:
        dispatch.wake(settled.queue)


def _may_live(process: Process) -> bool:
    """Whether it may come back: its connection closed, and that can happen to the living."""
    return is_alive(process.pid) and bool(_recently(process) or process.held)


def _recently(process: Process) -> bool:
    return time.monotonic() - (process.gone_since or 0.0) < RECONNECT_SECONDS


def is_alive(pid: int) -> bool:
    """Whether the process still runs; a zombie has ended and only waits to be reaped."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
