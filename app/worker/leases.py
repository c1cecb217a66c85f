"""Leases of running attempts, and the rows that describe this machine's workers."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterable
from typing import Any

import psutil

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.session import Database
from app.queries import leases as queries
from app.worker.holdings import Held, Holdings, Parent, Process

log = get_logger(__name__)

BATCH = 500


class Leases:
    """Renews what this machine runs, once a heartbeat.

    A renewal that finds no row is nothing by itself: attempts settle all the time, and the word
    of it may still be on its way. Only a claim that misses twice, a beat apart, and whose row
    belongs to another one, is told that it is lost.
    """

    def __init__(self, holdings: Holdings, database: Database) -> None:
        self._holdings = holdings
        self._database = database
        self._started = time.monotonic()

    async def renew_once(self) -> None:
        """One heartbeat: leases of claims older than a beat, then the workers' rows."""
        beat = get_settings().heartbeat_seconds
        now = time.monotonic()
        old = [
            (process, held)
            for process, held in self._holdings.all_held()
            if now - held.since >= beat / 2 and self._speaks(process)
        ]
        for start in range(0, len(old), BATCH):
            await self._renew(old[start : start + BATCH])
        await self.describe_workers()

    def _speaks(self, process: Process) -> bool:
        """Whether the worker's main process was heard lately; a frozen one holds nothing."""
        parent = self._holdings.parents.get(process.worker)
        patience = get_settings().lease_seconds / 3
        return parent is not None and time.monotonic() - parent.heard_at < patience

    async def _renew(self, claims: list[tuple[Process, Held]]) -> None:
        pairs = [held.pair for _, held in claims]
        statement = queries.renew(pairs, get_settings().lease_seconds)
        rows = await asyncio.to_thread(lambda: self._database.execute(statement).all())
        renewed = {row.celery_id for row in rows}
        missed = [(process, held) for process, held in claims if held.pair[1] not in renewed]
        for _, held in claims:
            if held.pair[1] in renewed:
                held.missed_renewal = False
        if missed:
            await self._read_back(missed)

    async def _read_back(self, missed: list[tuple[Process, Held]]) -> None:
        statement = queries.read_back([held.pair for _, held in missed])
        rows = await asyncio.to_thread(lambda: self._database.execute(statement).all())
        found = {row.id: row.celery_id for row in rows}
        for process, held in missed:
            # Not claimed yet, or settled under its own id: the word is on its way.
            if found.get(held.pair[0]) == held.pair[1]:
                continue
            still_listed = self._holdings.processes.get(process.pid) is process and (
                process.held.get(held.pair[1]) is held
            )
            if held.missed_renewal and still_listed and "lost" not in held.told:
                log.warning("attempt_lost", task_id=str(held.pair[0]), worker=process.worker)
                held.told.add("lost")
                if process.connection is not None:
                    process.connection.send(["lost", str(held.pair[1])])
            held.missed_renewal = True

    async def describe_workers(self) -> None:
        """Write what each worker of this machine is and does."""
        for parent in list(self._holdings.parents.values()):
            row = await asyncio.to_thread(self._describe, parent)
            statement = queries.describe_worker(row)
            await asyncio.to_thread(self._database.execute, statement)

    async def forget(self, worker: str) -> None:
        """A worker has ended."""
        await asyncio.to_thread(self._database.execute, queries.forget_worker(worker))
        log.info("worker_left", worker=worker)

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
            "running": [str(held.pair[0]) for each in processes for held in each.held.values()],
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
