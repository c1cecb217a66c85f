"""Sees the processes of the system: which there are, how large they get, and what ends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx2
import psutil

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import End, FaultSpan, Missing, PartLife, Process
from tests.support.processes import Process as Started
from tests.support.stack import Stack

# What a supervisor writes when something it keeps has ended without being told to, or was replaced.
_ENDINGS = re.compile(r"\b(worker_ended|agent_ended|agent_silent|worker_replaced)\b")
# What a beat writes when it has looked at its schedules for the first time, and an agent when it
# takes over.
BEAT_READY = re.compile(r"\bschedules are in place\b")
AGENT_READY = re.compile(r"\bagent_started\b")
# How long a keeper lets a new agent take.
_AGENT_START_SECONDS = 15.0
# What Celery writes, without a time, when a pool process has ended otherwise than in order.
_CHILD_ENDED = re.compile(r"^Process '\S+' pid:(\d+) exited with (.*)$")
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\S+Z) ")
Roles = dict[str, list[int]]


class Observer:
    """Looks at the processes of a stack, again and again."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen: dict[tuple[str, str, int], Process] = {}
        self._gone: list[End] = []

    def measure(self) -> None:
        """Remember who is there now, and how large."""
        now = time.time()
        for part, process in list(self._stack.processes.items()):
            if process.alive:
                self._measure(part, now)
            else:
                self._note_end(part, process, now)

    def _measure(self, part: str, now: float) -> None:
        for role, pids in self.roles(part).items():
            for pid in pids:
                size = _megabytes(pid)
                if size is not None:
                    seen = Process(part, role, pid, [])
                    self._seen.setdefault((part, role, pid), seen).sizes.append((now, size))

    def _note_end(self, part: str, process: Started, now: float) -> None:
        """A part that the scenario has not ended, or it would not be among the processes."""
        if self._stack.processes.get(part) is not process:
            return
        end = f"code {process.returncode} of process {process.pid}"
        if not any(known.how == end for known in self._gone):
            self._gone.append(End(part, now, end))

    def roles(self, part: str) -> Roles:
        """Process ids by role, empty where nothing has the role just now.

        A worker has a `supervisor`, an `agent`, one `parent` or more and `children`, other parts
        a `process`.
        """
        process = self._stack.processes.get(part)
        alive = process is not None and process.alive
        pids = [process.pid] if alive and process is not None else []
        if not part.startswith("worker"):
            return {"process": pids}
        found: Roles = {"supervisor": pids, "agent": [], "parent": [], "children": []}
        for child in _children(pids[0]) if pids else ():
            words = _words(child)
            if "app.worker.agent" in words:
                found["agent"].append(child.pid)
            elif "worker" in words:
                found["parent"].append(child.pid)
                found["children"] += [
                    each.pid for each in _children(child.pid) if "worker" in _words(each)
                ]
        return found

    def missing(self, parts: set[str]) -> list[Missing]:
        """What these parts lack now: processes, or, for workers, the API's word that they live."""
        lacking = [Missing(part, what) for part in sorted(parts) for what in self._lacks(part)]
        workers = self._processes * sum(part.startswith("worker") for part in parts)
        if not lacking and "api" in parts and workers:
            live = self._live_workers()
            if live < workers:
                lacking.append(Missing("api", f"it counts {live} of {workers} workers as live"))
        return lacking

    @property
    def _processes(self) -> int:
        """Main processes of each worker."""
        return int(self._stack.env["WORKER_PROCESSES"])

    def _live_workers(self) -> int:
        try:
            return len(self._stack.live_workers())
        except (AssertionError, httpx2.HTTPError):
            return 0

    def _lacks(self, part: str) -> Iterator[str]:
        slots = int(self._stack.env["CELERY_WORKER_CONCURRENCY"])
        wanted = {"children": slots, "parent": self._processes}
        for role, pids in self.roles(part).items():
            if len(pids) < wanted.get(role, 1):
                yield f"{len(pids)} of {wanted.get(role, 1)} {role}"

    def with_ready(self, life: PartLife) -> PartLife:
        """The same life with the moment at which the part began to work, if it told."""
        worker = life.part.startswith(Kind.WORKER)
        until = float("inf") if life.ended is None else life.ended
        if worker:
            until = min(until, life.started + _AGENT_START_SECONDS)
        told = self._told(life.part, AGENT_READY if worker else BEAT_READY)
        return replace(life, ready=next((at for at in told if life.started <= at <= until), None))

    def with_back(self, fault: FaultSpan) -> FaultSpan:
        """The same fault with the moment at which the successor of a killed agent took over."""
        if fault.kind != Kind.AGENT or fault.ended > fault.started:
            return fault
        told = self._told(fault.part, AGENT_READY)
        until = fault.started + _AGENT_START_SECONDS
        return replace(fault, back=next((at for at in told if fault.started < at <= until), None))

    def _told(self, part: str, what: re.Pattern[str]) -> list[float]:
        path = self._stack.folder / f"{part}.out"
        return told_in(path, what) if path.exists() else []

    def processes(self) -> list[Process]:
        """Everybody who was ever seen."""
        return list(self._seen.values())

    def ends(self) -> list[End]:
        """What ended without being told to, by the logs of the keepers and by looking."""
        told = [
            end
            for path in sorted(self._stack.folder.glob("worker*.out"))
            for end in ends_in(path.stem, path)
        ]
        return [*told, *self._gone]


def ends_in(part: str, path: Path) -> Iterator[End]:
    """The ends that the output of a worker tells. A line without a time has that of the last."""
    at = 0.0
    for line in path.read_text(errors="replace").splitlines():
        if stamp := _STAMP.match(line):
            at = datetime.fromisoformat(stamp.group(1)).timestamp()
            if ending := _ENDINGS.search(line):
                yield End(part, at, ending.group(1))
        elif child := _CHILD_ENDED.match(line):
            yield End(part, at, child.group(2), int(child.group(1)))


def told_in(path: Path, what: re.Pattern[str]) -> list[float]:
    """When the processes that have written this file told this."""
    lines = path.read_text(errors="replace").splitlines()
    stamps = [stamp for line in lines if what.search(line) and (stamp := _STAMP.match(line))]
    return [datetime.fromisoformat(stamp.group(1)).timestamp() for stamp in stamps]


def _megabytes(pid: int) -> float | None:
    try:
        return float(round(psutil.Process(pid).memory_info().rss / 1024 / 1024, 1))
    except psutil.Error:
        return None


def _children(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children())
    except psutil.Error:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
