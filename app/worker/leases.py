"""Leases of running attempts, and the rows that describe this machine's workers."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psutil
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.domain.counters import Counted
from app.domain.lifecycle import FINISHED
from app.queries import leases as queries
from app.worker.holdings import Held, Holdings, Parent, Process
from app.worker.steadiness import Steadiness

log = get_logger(__name__)

BATCH = 500

Answer = TypeVar("Answer")


class Leases:
    """Renews what this machine runs, once a heartbeat.

    A renewal that finds no row is nothing by itself: attempts settle all the time, and the word
    of it may still be on its way. Only a claim that misses twice, a beat apart, and whose row
    belongs to another one or was finished by somebody else, is lost: it is told so, and `Stops`
    ends what does not listen. None is lost while it waits for the database, to claim or to settle:
    nothing of it runs, and the fence answers what it asks.
    """

    def __init__(self, holdings: Holdings, database: Database, steadiness: Steadiness) -> None:
        self._holdings = holdings
        self._database = database
        self._steadiness = steadiness
        # A thread of its own: whatever else waits for the database, renewals do not queue up
        # behind it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._began = time.monotonic()
        self._failed = False

    def pause(self) -> float:
        """Seconds until the next heartbeat: a slow database does not make them rarer."""
        beat = get_settings().heartbeat_seconds
        wanted = beat / 4 if self._failed else beat
        return max(0.05, self._began + wanted - time.monotonic())

    async def renew_once(self) -> None:
        """One heartbeat: the leases of claims that are older than half of one."""
        beat = get_settings().heartbeat_seconds
        now = self._began = time.monotonic()
        self._failed = True
        old = [each for each in self._holdings.all_held() if now - each[1].since >= beat / 2]
        speaking = [each for each in old if self._speaks(each[0])]
        # Nobody speaks for these, but their processes may live, and must learn what they lost.
        silent = [each for each in old if not self._speaks(each[0])]
        try:
            for start in range(0, len(speaking), BATCH):
                await self._renew(speaking[start : start + BATCH])
            for start in range(0, len(silent), BATCH):
                await self._read_back(silent[start : start + BATCH])
        except SQLAlchemyError:
            self._steadiness.failed()
            raise
        self._failed = False

    def _speaks(self, process: Process) -> bool:
        """Whether the worker's main process was heard lately; a frozen one holds nothing."""
        parent = self._holdings.parents.get(process.worker)
        patience = get_settings().lease_seconds / 3
        return parent is not None and time.monotonic() - parent.heard_at < patience

    async def _renew(self, claims: list[tuple[Process, Held]]) -> None:
        pairs = [held.pair for _, held in claims]
        statement = queries.renew(pairs, get_settings().lease_seconds)
        rows = await self._ask(lambda: self._database.execute(statement).all())
        renewed = {row.celery_id for row in rows}
        missed = [(process, held) for process, held in claims if held.pair[1] not in renewed]
        for _, held in claims:
            if held.pair[1] in renewed:
                held.missed_renewal = False
        if missed:
            await self._read_back(missed)

    async def _read_back(self, missed: list[tuple[Process, Held]]) -> None:
        statement = queries.read_back([held.pair for _, held in missed])
        rows = await self._ask(lambda: self._database.execute(statement).all())
        # Waiting under its own id means that the claim is not made yet. Finished under its own
        # id may be its own doing, of which the word is on its way, or a rescue's.
        ours = {row.celery_id for row in rows if row.status not in FINISHED}
        for process, held in missed:
            if held.pair[1] in ours:
                held.missed_renewal = False
            elif held.waiting:
                held.missed_renewal = True
            elif held.missed_renewal and self._still_listed(process, held):
                self._lose(process, held)
            else:
                held.missed_renewal = True

    def _still_listed(self, process: Process, held: Held) -> bool:
        listed = process.held.get(held.pair[1]) is held
        return listed and self._holdings.processes.get(process.pid) is process

    def _lose(self, process: Process, held: Held) -> None:
        if held.lost_at is not None:
            return
        held.lost_at = time.monotonic()
        self._holdings.counts.add(Counted.ATTEMPTS_FENCED)
        log.warning(
            "attempt_lost",
            task_id=str(held.pair[0]),
            celery_id=str(held.pair[1]),
            worker=process.worker,
            pid=process.pid,
            why="its lease was over and somebody else took or ended the task; it is stopped here",
        )

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def describe_workers(self) -> None:
        """Write what each worker of this machine is and does."""
        for parent in list(self._holdings.parents.values()):
            await asyncio.to_thread(self._write_description, parent)

    async def forget(self, worker: str) -> None:
        """A worker has ended."""
        statement = queries.forget_worker(worker)
        await asyncio.to_thread(self._database.execute, statement)
        log.info("worker_left", worker=worker)

    def _write_description(self, parent: Parent) -> None:
        self._database.execute(queries.describe_worker(self._describe(parent)))

    def _describe(self, parent: Parent) -> dict[str, Any]:
        processes = self._holdings.of_worker(parent.name)
        cpu, memory = _usage({parent.pid, *(process.pid for process in processes)})
        return {
            "name": parent.name,
            "host": socket.gethostname(),
            "pid": parent.pid,
            "pool": parent.pool,
            "queues": parent.queues,
            "slots": parent.slots,
            "running": [str(held.pair[0]) for each in processes for held in each.running()],
            "version": parent.version,
            "catalogue_hash": parent.catalogue_hash,
            "catalogue": parent.catalogue,
            "cpu_percent": cpu,
            "memory_bytes": memory,
            "stopping": parent.stopping_since is not None,
        }


_known: dict[int, psutil.Process] = {}


def _usage(pids: Iterable[int]) -> tuple[float, int]:
    """CPU in percent of one core since the last look, and resident bytes, over all `pids`."""
    cpu, memory = 0.0, 0
    wanted = set(pids) - {os.getpid()}
    for gone in set(_known) - wanted:
        if not psutil.pid_exists(gone):
            del _known[gone]
    for pid in wanted:
        try:
            process = _known.get(pid) or _known.setdefault(pid, psutil.Process(pid))
            cpu += process.cpu_percent()
            memory += process.memory_info().rss
        except psutil.Error:
            _known.pop(pid, None)
    return cpu, memory
