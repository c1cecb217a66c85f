"""The running system under fault: parts behind proxies, their processes, what was done to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypedDict
from urllib.parse import urlsplit

import psutil

from tests.support.chaos.history import FaultSpan, ProcessFact
from tests.support.chaos.proxy import TcpProxy
from tests.support.processes import Process, wait_until
from tests.support.stack import Stack

# What a supervisor writes when something it keeps has ended without being told to.
_ENDINGS = ("worker_ended", "agent_ended", "agent_silent", "worker_replaced")
_TARGETS = {"database": "DATABASE_URL", "broker": "CELERY_BROKER_URL"}


class WorkerPids(TypedDict):
    """Process ids of a worker by role."""

    supervisor: int
    agent: int
    parent: int
    parents: list[int]
    children: list[int]


class System:
    """Starts, kills and freezes parts of a stack, and remembers every fault."""

    def __init__(self, stack: Stack, proxied: Collection[str]) -> None:
        self.stack = stack
        self.faults: list[FaultSpan] = []
        self._proxies = {name: self._new_proxy(name) for name in proxied}
        self._frozen: dict[int, float] = {}
        self._explained: dict[str, int] = {}
        self._largest: dict[str, float] = {}
        # Parts that the scenario started and has not ended for good.
        self.living: set[str] = set()

    # -- parts ------------------------------------------------------------------------------

    def start_part(self, part: str) -> Process:
        """Start a part, behind its proxies if it has any.

        Not from a thread that ends: a part ends with the thread that has started it.
        """
        self.living.add(part)
        return self.stack.start_part(part, **self._addresses(part))

    def stop_part(self, part: str, sig: int = signal.SIGTERM, timeout: float = 60) -> int:
        """End a part in order; it is not expected to live any more. Returns its exit code."""
        self.living.discard(part)
        return self.stack.stop_part(part, sig, timeout)

    def kill_part(self, part: str) -> None:
        """SIGKILL the first process of a part. Start it again, or it counts as missing."""
        self.kill(self.stack.processes[part].pid)
        self.stack.processes.pop(part).wait(10)

    def proxy(self, name: str) -> TcpProxy:
        """The line `part:database` or `part:broker`."""
        return self._proxies[name]

    def _new_proxy(self, name: str) -> TcpProxy:
        _, target = name.split(":")
        url = self.stack.broker.url if target == "broker" else self.stack.database_url
        parts = urlsplit(url)
        assert parts.hostname, f"{name}: nothing to put a proxy before ({url})"
        assert parts.port
        return TcpProxy(parts.hostname, parts.port)

    def _addresses(self, part: str) -> dict[str, str]:
        changed: dict[str, str] = {}
        for name, proxy in self._proxies.items():
            owner, target = name.split(":")
            if owner != part:
                continue
            url = self.stack.broker.url if target == "broker" else self.stack.database_url
            behind = url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/", 1)
            changed[_TARGETS[target]] = behind
            if target == "broker":
                changed["CELERY_RESULT_BACKEND"] = behind
        return changed

    # -- processes ----------------------------------------------------------------------------

    def worker_pids(self, part: str = "worker") -> WorkerPids:
        """Processes of a worker by role; waits while one of them is being replaced."""
        roles: dict[str, list[int]] = {}
        # A worker is live before its pool is whole.
        slots = int(self.stack.env["CELERY_WORKER_CONCURRENCY"])
        parents = int(self.stack.env["WORKER_PROCESSES"])

        def whole() -> bool:
            roles.update(self.roles(part))
            enough = len(roles["parent"]) >= parents and len(roles["children"]) >= slots
            return all(roles.values()) and enough

        wait_until(whole, timeout=30, what=f"{part} has all its processes")
        return WorkerPids(
            supervisor=roles["supervisor"][0],
            agent=roles["agent"][0],
            parent=roles["parent"][0],
            parents=roles["parent"],
            children=roles["children"],
        )

    def roles(self, part: str) -> dict[str, list[int]]:
        """The same as lists, empty where nothing has the role just now."""
        found: dict[str, list[int]] = {"supervisor": [], "agent": [], "parent": [], "children": []}
        process = self.stack.processes.get(part)
        if process is None or not process.alive:
            return found
        found["supervisor"] = [process.pid]
        for child in _children(process.pid):
            words = _words(child)
            if "app.worker.agent" in words:
                found["agent"].append(child.pid)
            elif "worker" in words:
                found["parent"].append(child.pid)
                found["children"] += [
                    each.pid for each in _children(child.pid) if "worker" in _words(each)
                ]
        return found

    def tree(self, part: str) -> list[int]:
        """Every process of a part, the first one first."""
        process = self.stack.processes.get(part)
        if process is None or not process.alive:
            return []
        return [process.pid, *(each.pid for each in process.descendants())]

    def kill(self, pid: int, sig: int = signal.SIGKILL) -> None:
        """Send a signal, as a fault without length. A process already gone is no error."""
        now = time.time()
        role = self._explain(pid)
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        self.faults.append(FaultSpan(f"signal {int(sig)} to {role}", now, time.time()))

    def freeze(self, *pids: int) -> None:
        """SIGSTOP; the fault lasts until `thaw`."""
        for pid in pids:
            self._explain(pid)
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                continue
            self._frozen[pid] = time.time()

    def thaw(self, *pids: int) -> None:
        """SIGCONT; without arguments everything that is frozen."""
        for pid in pids or list(self._frozen):
            since = self._frozen.pop(pid, time.time())
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # it was replaced meanwhile
            self.faults.append(FaultSpan(f"process {pid} frozen", since, time.time()))

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """A fault that lasts as long as the block."""
        started = time.time()
        try:
            yield
        finally:
            self.faults.append(FaultSpan(name, started, time.time()))

    def explain(self, part: str, ends: int) -> None:
        """The scenario's own tasks have ended processes of a part so many times."""
        self._explained[part] = self._explained.get(part, 0) + ends

    def _explain(self, pid: int) -> str:
        """Which part and role a process has; what ends in that part is explained by it."""
        for part in list(self.stack.processes):
            if pid in self.tree(part):
                self.explain(part, 1)
                roles = self.roles(part) if part.startswith("worker") else {}
                role = next((name for name, pids in roles.items() if pid in pids), "process")
                return f"{part}'s {role}"
        return f"process {pid}"

    # -- at the end ---------------------------------------------------------------------------

    def heal_lines(self) -> None:
        """Thaw what is frozen and open every proxy."""
        if self._frozen:
            self.thaw()
        for proxy in self._proxies.values():
            if proxy.mode != "pass":
                proxy.pass_()

    def measure(self) -> None:
        """Remember the largest process of each part."""
        for part in list(self.stack.processes):
            for pid in self.tree(part):
                try:
                    size = psutil.Process(pid).memory_info().rss / 1024 / 1024
                except psutil.Error:
                    continue
                self._largest[part] = max(size, self._largest.get(part, 0.0))

    def facts(self) -> list[ProcessFact]:
        """What became of each part that should live."""
        self.measure()
        return [self._fact(part) for part in sorted(self.living)]

    def _fact(self, part: str) -> ProcessFact:
        process = self.stack.processes.get(part)
        text = (self.stack.folder / f"{part}.out").read_text(errors="replace")
        ended = sum(text.count(word) for word in _ENDINGS)
        return ProcessFact(
            name=part,
            alive=process is not None and process.alive,
            ended=ended,
            explained=self._explained.get(part, 0),
            largest_mb=round(self._largest.get(part, 0.0), 1),
        )

    def close(self) -> None:
        """End the proxies."""
        for proxy in self._proxies.values():
            proxy.close()


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
