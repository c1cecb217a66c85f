"""One process per machine that keeps an agent and its Celery main processes alive."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from types import FrameType

from app.core.config import cores, get_settings
from app.core.logging import get_logger
from app.domain import nodes
from app.worker.keeper import AgentKeeper, new_socket_path
from app.worker.place import Place

log = get_logger(__name__)

CHECK_SECONDS = 0.2
STOP_MARGIN_SECONDS = 10.0


@dataclass(slots=True)
class WorkerOptions:
    """What the command line may narrow. None means the setting or everything known."""

    queues: list[str] | None = None
    concurrency: int | None = None
    loglevel: str = "info"
    pool: str = "prefork"
    name: str = "worker"


class Supervisor:
    """Starts, watches, restarts and stops."""

    def __init__(self, options: WorkerOptions) -> None:
        self._to_replace: set[str] = set()
        self._keeper = AgentKeeper(new_socket_path(), self._to_replace.add)
        self._places = _places(options)
        self._ending = threading.Event()
        self._impatient = False

    def run(self) -> int:
        """Run until a signal; returns the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._keeper.use_in_this_process()
        self._keeper.start()
        try:
            while not self._ending.wait(CHECK_SECONDS):
                for place in self._places:
                    self._keep(place)
        finally:
            self._keeper.workers_end()
            self._stop_workers()
            self._keeper.stop()
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second one means: do not wait.
        self._impatient = self._ending.is_set()
        self._ending.set()

    def _keep(self, place: Place) -> None:
        if place.name in self._to_replace:
            self._to_replace.discard(place.name)
            place.replace()
        place.keep()

    def _stop_workers(self) -> None:
        """SIGTERM: no new task, running ones may finish; the agent gives long ones back.

        Returns when all have ended, by force if need be.
        """
        settings = get_settings()
        bound = settings.drain_seconds + settings.cancel_grace_seconds + STOP_MARGIN_SECONDS
        deadline = time.monotonic() + bound
        running = [process for place in self._places for process in place.end()]
        while running and time.monotonic() < deadline and not self._impatient:
            running = [process for process in running if process.poll() is None]
            time.sleep(0.05)
        for process in running:
            process.kill()
        for process in running:
            process.wait()


def _places(options: WorkerOptions) -> list[Place]:
    """A place for each main process among which the slots are shared."""
    settings = get_settings()
    slots = options.concurrency or settings.celery_worker_concurrency
    wanted = None if settings.worker_processes == "auto" else settings.worker_processes
    shares = nodes.shares(options.pool, slots, wanted, cores())
    worker, host = f"{options.name}-{os.getpid()}", socket.gethostname()
    return [
        Place(
            partial(nodes.node_name, worker, host, number if len(shares) > 1 else None),
            partial(_start, options, own, own / sum(shares)),
        )
        for number, own in enumerate(shares, start=1)
    ]


def _start(options: WorkerOptions, slots: int, share: float, name: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "app.celery_app.celery_app",
        "worker",
        f"--hostname={name}",
        f"--loglevel={options.loglevel}",
        f"--pool={options.pool}",
        f"--concurrency={slots}",
        "--without-gossip",
        "--without-mingle",
    ]
    if options.queues:
        command.append("--queues=" + ",".join(options.queues))
    # A program of its own and never a fork of this process, which has threads.
    environment = {**os.environ, "WORKER_SHARE": str(share)}
    return subprocess.Popen(command, env=environment, start_new_session=True)
