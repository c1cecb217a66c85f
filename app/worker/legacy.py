"""What an agent leaves to its successor: which process had claimed what.

Processes tell a new agent themselves what they have under way. But one that is inside a single
long call into C keeps the interpreter, and none of its threads can speak. Its claim would not be
renewed, another attempt would start beside it, and nobody would ever end it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil

from app.worker.holdings import Holdings, Process

# Younger claims are left out: most end before anything could happen to the agent.
OLD_SECONDS = 0.5
PAUSE_SECONDS = 0.5


class Legacy:
    """A file beside the agent's socket."""

    def __init__(self, socket_path: str, holdings: Holdings) -> None:
        self._path = Path(f"{socket_path}.held")
        self._holdings = holdings
        self._written: list[Any] = []
        self._created: dict[int, float] = {}

    async def write_once(self) -> None:
        """Write down what is held, if that has changed."""
        held = [self._of(each) for each in self._holdings.processes.values()]
        held = [each for each in held if each is not None]
        if held == self._written:
            return
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(held))
        draft.replace(self._path)  # at once: whoever kills us leaves a whole file
        self._written = held

    def read(self) -> None:
        """Take over the claims of processes that still live; they may yet speak for themselves."""
        try:
            left = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return
        for pid, created, parent, worker, claims in left:
            if self._created_at(pid) != created:
                continue
            process = Process(pid, worker, None, gone_since=time.monotonic(), parent=parent)
            for claim in claims:
                self._holdings.claimed_by(process, claim)
            self._holdings.processes[pid] = process

    def _of(self, process: Process) -> list[Any] | None:
        now = time.monotonic()
        claims = [
            ["claim", str(held.pair[0]), str(held.pair[1]), held.queue, held.name,
             held.time_limit, held.soft_time_limit, held.since]
            for held in process.held.values()
            if now - held.since >= OLD_SECONDS
        ]  # fmt: skip
        created = self._created_at(process.pid) if claims else None
        if created is None:
            return None
        return [process.pid, created, process.parent, process.worker, claims]

    def _created_at(self, pid: int) -> float | None:
        """When the process began: a number that is used again does not make it the same one."""
        if pid not in self._created:
            try:
                self._created[pid] = psutil.Process(pid).create_time()
            except psutil.Error:
                return None
        return self._created[pid]
