"""A peer as a system whose backlogs are drained and measured like everybody's."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import redis

from bench import calls
from bench.drain import START_SECONDS, Running
from bench.peers.environments import provide
from bench.peers.registry import Peer
from bench.servers import MARKED, Servers
from bench.systems import Arguments, Drainable, Place
from bench.topic import RoundFailed
from tests.support.environment import bare_environment
from tests.support.processes import MARK, ROOT, Process, end_marked, wait_until

_BROKER_DATABASE = 4
READY_TASKS = 50
READY_SECONDS = 0.3


class PeerSystem(Drainable):
    """Its workers are halted while the backlog is submitted, and all go on at once."""

    def __init__(self, servers: Servers, peer: Peer, place: Place) -> None:
        self.servers, self.peer, self.place = servers, peer, place
        self.programs = provide(peer.name)
        self.workers: list[Process] = []
        self._redis = servers.peer_broker(_BROKER_DATABASE)
        postgres = servers.empty_postgres() if peer.on_postgresql else ""
        self._env = (
            bare_environment()
            | MARKED
            | {
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "BENCH_REDIS": self._redis,
                "BENCH_POSTGRES": postgres,
                # Where procrastinate's and pgqueuer's command lines look.
                "PGDSN": postgres,
                calls.FOLDER: str(place.calls),
            }
        )
        redis.Redis.from_url(self._redis).flushdb()
        self.submit(0)

    def submit(self, count: int) -> None:
        """Submit tasks, in a process of the peer's environment. Raises `RoundFailed`."""
        done = subprocess.run(
            [str(self.programs / "python"), "-m", "bench.peers.fill", self.peer.name, str(count)],
            env=self._env, cwd=self.place.folder, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        if done.returncode:
            raise RoundFailed(f"{self.peer.name}: {done.stderr.strip()[-1500:]}")

    def fill(
        self, function: str, count: int, label: str, arguments: Arguments | None = None
    ) -> None:
        self._signal(signal.SIGSTOP)
        self.submit(count)

    def release(self) -> None:
        self._signal(signal.SIGCONT)

    def start_workers(self) -> None:
        """Start every command."""
        for number, command in enumerate(self.peer.commands):
            program, *rest = command.replace("{redis}", self._redis).split()
            self.workers.append(
                Process(
                    [str(self.programs / program), *rest], env=self._env, cwd=self.place.folder,
                    output=self.place.folder / f"worker-{number}.out",
                )
            )  # fmt: skip

    def server_pids(self) -> list[int]:
        return self.servers.pids("postgresql" if self.peer.on_postgresql else "sqlite")

    def _signal(self, number: signal.Signals) -> None:
        for worker in self.workers:
            for process in [psutil.Process(worker.pid), *worker.descendants()]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)


@contextlib.contextmanager
def started_peer(servers: Servers, peer: Peer, folder: Path) -> Iterator[Running]:
    """The peer's workers, of which each has run a task. Raises `RoundFailed`."""
    place = Place.new(folder)
    system = PeerSystem(servers, peer, place)
    try:
        system.start_workers()
        running = Running(system, place, system.workers)
        _wait_until_all_run(system, place, peer)
        yield running
    except AssertionError as error:
        tails = "\n".join(worker.tail(15) for worker in system.workers)
        raise RoundFailed(f"{peer.name}: {error}\n{tails}") from error
    finally:
        system.release()
        for worker in system.workers:
            _end(worker)
        # Some leave their own children behind when they are ended; nothing else of ours runs now.
        end_marked(MARKED[MARK], patience=2)


def _wait_until_all_run(system: PeerSystem, place: Place, peer: Peer) -> None:
    deadline = time.monotonic() + START_SECONDS
    for number in itertools.count(1):
        system.submit(READY_TASKS)
        _wait_for_calls(place, number * READY_TASKS, f"{peer.name} runs its first tasks")
        if calls.read(place.calls).processes >= peer.processes:
            return
        assert time.monotonic() < deadline, f"not {peer.processes} processes run tasks"
        time.sleep(READY_SECONDS)


def _wait_for_calls(place: Place, count: int, what: str) -> None:
    wait_until(lambda: calls.read(place.calls).count >= count, timeout=START_SECONDS, what=what)


def _end(worker: Process) -> None:
    try:
        worker.stop(timeout=10)
    except AssertionError:
        pass  # killed: how a peer ends is not what is measured
