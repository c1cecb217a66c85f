"""The running system under fault: parts behind proxies, their processes, what was done to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import psutil
from sqlalchemy import make_url

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import FaultSpan, PartLife
from tests.support.chaos.observer import Observer, Roles
from tests.support.chaos.proxy import TcpProxy
from tests.support.chaos.sqlite_lock import writers
from tests.support.processes import Process, wait_until
from tests.support.stack import Stack

_KINDS = {"children": Kind.CHILD, "parent": Kind.PARENT, "agent": Kind.AGENT}
_SERVERS = {
    "valkey-server": Kind.BROKER,
    "redis-server": Kind.BROKER,
    "postgres": Kind.DATABASE,
}
_TARGETS = {"database": "DATABASE_URL", "broker": "CELERY_BROKER_URL"}
Target = tuple[Kind, str]


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
        self.observer = Observer(stack)
        self.lives: list[PartLife] = []
        self._proxies = {name: self._new_proxy(name) for name in proxied}
        self._frozen: dict[int, tuple[float, Target]] = {}
        # Of those, who was frozen with the write lock of SQLite in its hand.
        self._holding: set[int] = set()
        # Since when parts are away that the scenario has ended.
        self._away: dict[str, float] = {}
        # Parts that the scenario started and has not ended for good.
        self.living: set[str] = set()

    # -- parts ------------------------------------------------------------------------------

    def start_part(self, part: str, **settings: str) -> Process:
        """Start a part, behind its proxies if it has any. `settings` are environment variables.

        Not from a thread that ends: a part ends with the thread that has started it.
        """
        self.living.add(part)
        if (since := self._away.pop(part, None)) is not None:
            self._note(f"{part} away", since, kind_of(part), part)
        self.lives.append(PartLife(part, time.time()))
        return self.stack.start_part(part, **{**self._addresses(part), **settings})

    def stop_part(self, part: str, sig: int = signal.SIGTERM, timeout: float = 60) -> int:
        """End a part in order; it is not expected to live any more. Returns its exit code."""
        self.living.discard(part)
        since = self._ends(part)
        code = self.stack.stop_part(part, sig, timeout)
        self._note(f"{part} stopped", since, kind_of(part), part)
        return code

    def kill_part(self, part: str) -> None:
        """SIGKILL the first process of a part. Start it again, or it counts as missing."""
        self._ends(part)
        # Taken out first: what is among the processes and dead has ended by itself.
        process = self.stack.processes.pop(part)
        self._signal(process.pid, signal.SIGKILL, (kind_of(part), part))
        process.wait(10)

    def _ends(self, part: str) -> float:
        """From now on the part is away."""
        now = self._away[part] = time.time()
        for place, life in enumerate(self.lives):
            if life.part == part and life.ended is None:
                self.lives[place] = replace(life, ended=now)
        return now

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

    def roles(self, part: str) -> Roles:
        """The same as lists, empty where nothing has the role just now."""
        return self.observer.roles(part)

    def tree(self, part: str) -> list[int]:
        """Every process of a part, the first one first."""
        process = self.stack.processes.get(part)
        if process is None or not process.alive:
            return []
        return [process.pid, *(each.pid for each in process.descendants())]

    def kill(self, pid: int, sig: int = signal.SIGKILL) -> None:
        """Send a signal, as a fault without length. A process already gone is no error."""
        self._signal(pid, sig, self._target(pid))

    def _signal(self, pid: int, sig: int, target: Target) -> None:
        now = time.time()
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        kind, part = target
        self._note(f"signal {int(sig)} to {part or 'a'}'s {kind}", now, kind, part, pid)

    def freeze(self, *pids: int) -> None:
        """SIGSTOP; the fault lasts until `thaw`."""
        targets = {pid: self._target(pid) for pid in pids}
        for pid in pids:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                continue
            self._frozen[pid] = time.time(), targets[pid]
        # Whoever waits for a child that is still to become another program is never still.
        with suppress(AssertionError):
            wait_until(lambda: all(map(_still, pids)), timeout=1, what="all are still", every=0.001)
        self._holding |= self._writers().intersection(pids)

    def _writers(self) -> set[int]:
        url = make_url(self.stack.database_url)
        if url.get_backend_name() != "sqlite" or not url.database:
            return set()
        return writers(Path(url.database))

    def thaw(self, *pids: int) -> None:
        """SIGCONT; without arguments everything that is frozen."""
        for pid in pids or list(self._frozen):
            since, (kind, part) = self._frozen.pop(pid, (time.time(), (Kind.OTHER, "")))
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # it was replaced meanwhile
            self._note(f"process {pid} frozen", since, kind, part, pid)
            if pid in self._holding:
                self._holding.remove(pid)
                self._note("write lock held by a frozen process", since, Kind.DATABASE)

    @contextmanager
    def fault(self, name: str, kind: Kind = Kind.OTHER, part: str = "") -> Iterator[None]:
        """A fault that lasts as long as the block."""
        started = time.time()
        try:
            yield
        finally:
            self._note(name, started, kind, part)

    def _note(
        self, name: str, since: float, kind: Kind, part: str = "", pid: int | None = None
    ) -> None:
        self.faults.append(FaultSpan(name, since, time.time(), kind, part, pid))

    def _target(self, pid: int) -> Target:
        """Which kind of process this is, and of which part."""
        for part in list(self.stack.processes):
            if pid not in self.tree(part):
                continue
            roles = self.roles(part)
            role = next((name for name, pids in roles.items() if pid in pids), "process")
            return _KINDS.get(role, kind_of(part)), part
        return _SERVERS.get(_name(pid), Kind.OTHER), ""

    # -- at the end ---------------------------------------------------------------------------

    def heal_lines(self) -> None:
        """Thaw what is frozen and open every proxy."""
        if self._frozen:
            self.thaw()
        for proxy in self._proxies.values():
            if proxy.mode != "pass":
                proxy.pass_()

    def close(self) -> None:
        """End the proxies."""
        for proxy in self._proxies.values():
            proxy.close()


def _still(pid: int) -> bool:
    """Whether every thread is stopped: not before it leaves the kernel, say a write to the disk."""
    try:
        states = [_state(thread) for thread in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return all(state in "TtZX" for state in states)


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def _name(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def kind_of(part: str) -> Kind:
    """The kind of a part as a whole."""
    return next((kind for kind in Kind if part.startswith(kind)), Kind.OTHER)
