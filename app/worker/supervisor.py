"""One process per machine that keeps an agent and its Celery workers alive."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType

from app.core.config import get_settings
from app.core.logging import get_logger
from app.worker.keeper import AgentKeeper, new_socket_path

log = get_logger(__name__)

CHECK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 15.0
HEALTHY_SECONDS = 30.0
STOP_MARGIN_SECONDS = 10.0
# Pauses between two replacements of a worker that hears nothing: the next one may be no better.
FIRST_REPLACE_PAUSE_SECONDS = 60.0
LAST_REPLACE_PAUSE_SECONDS = 960.0
# Replaced workers that may still be finishing what they run.
MAX_RETIRING = 2


@dataclass(slots=True)
class WorkerOptions:
    """What the command line may narrow. None means the setting or everything known."""

    queues: list[str] | None = None
    concurrency: int | None = None
    loglevel: str = "info"
    pool: str = "prefork"
    name: str = "worker"


@dataclass(slots=True)
class _Kept:
    """A Celery main process, when it may be started again, and when be replaced."""

    base: str
    host: str
    number: int = 1
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    restart_at: float = 0.0
    replace_at: float = 0.0
    replace_pause: float = FIRST_REPLACE_PAUSE_SECONDS

    @property
    def name(self) -> str:
        """Its node name: a new one for each that takes another's place."""
        suffix = f".{self.number}" if self.number > 1 else ""
        return f"{self.base}{suffix}@{self.host}"


class Supervisor:
    """Starts, watches, restarts and stops."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._to_replace: set[str] = set()
        self._keeper = AgentKeeper(new_socket_path(), self._to_replace.add)
        self._kept = [_Kept(f"{options.name}-{os.getpid()}", socket.gethostname())]
        self._retiring: list[subprocess.Popen[bytes]] = []
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
                for kept in self._kept:
                    if kept.name in self._to_replace:
                        self._replace(kept)
                    self._keep(kept)
                self._retiring = [each for each in self._retiring if each.poll() is None]
        finally:
            self._keeper.workers_end()
            self._stop_workers()
            self._keeper.stop()
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second one means: do not wait.
        self._impatient = self._ending.is_set()
        self._ending.set()

    def _keep(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.process is None:
            if now >= kept.restart_at:
                self._spawn(kept)
        elif (code := kept.process.poll()) is not None:
            kept.process = None
            lived = now - kept.started_at
            kept.pause = (
                FIRST_PAUSE_SECONDS
                if lived >= HEALTHY_SECONDS
                else min(kept.pause * 2, LAST_PAUSE_SECONDS)
            )
            kept.restart_at = now + (0.0 if lived >= HEALTHY_SECONDS else kept.pause / 2)
            log.warning("worker_ended", worker=kept.name, code=code, cure="starting it again")

    def _replace(self, kept: _Kept) -> None:
        """Start another one beside it; it takes nothing more and ends when its attempts have."""
        now = time.monotonic()
        self._to_replace.discard(kept.name)
        if kept.process is None or now < kept.replace_at or len(self._retiring) >= MAX_RETIRING:
            return
        if now - kept.replace_at > LAST_REPLACE_PAUSE_SECONDS:
            kept.replace_pause = FIRST_REPLACE_PAUSE_SECONDS
        kept.replace_at = now + kept.replace_pause
        kept.replace_pause = min(kept.replace_pause * 2, LAST_REPLACE_PAUSE_SECONDS)
        log.warning("worker_replaced", worker=kept.name, pid=kept.process.pid)
        kept.process.terminate()
        self._retiring.append(kept.process)
        kept.process = None
        kept.number += 1
        kept.restart_at = now

    def _spawn(self, kept: _Kept) -> None:
        options = self._options
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "app.celery_app.celery_app",
            "worker",
            f"--hostname={kept.name}",
            f"--loglevel={options.loglevel}",
            f"--pool={options.pool}",
            f"--concurrency={options.concurrency or get_settings().celery_worker_concurrency}",
            "--without-gossip",
            "--without-mingle",
        ]
        if options.queues:
            command.append("--queues=" + ",".join(options.queues))
        kept.process = subprocess.Popen(command, start_new_session=True)
        kept.started_at = time.monotonic()

    def _stop_workers(self) -> None:
        """SIGTERM: no new task, running ones may finish; the agent gives long ones back.

        Returns when all have ended, by force if need be.
        """
        settings = get_settings()
        bound = settings.drain_seconds + settings.cancel_grace_seconds + STOP_MARGIN_SECONDS
        deadline = time.monotonic() + bound
        running = [kept.process for kept in self._kept if kept.process is not None]
        for process in running:
            process.terminate()
        running += self._retiring
        while running and time.monotonic() < deadline and not self._impatient:
            running = [process for process in running if process.poll() is None]
            time.sleep(0.05)
        for process in running:
            process.kill()
        for process in running:
            process.wait()
