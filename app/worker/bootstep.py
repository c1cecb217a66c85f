"""What our worker's main process does besides Celery: it speaks to the agent.

It starts no task and touches no database. Where Celery was started directly, with no supervisor
around it, it also starts an agent (a new program, never a fork of this one).
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import threading
from typing import Any

import psutil
from billiard import pool as billiard_pool
from celery import bootsteps, signals
from celery.worker import state
from celery.worker.components import Pool

from app.core import tracing
from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.version import VERSION
from app.services.catalogue import catalogue
from app.worker.claim import install_stop_signal, on_order
from app.worker.keeper import AgentKeeper, keeper_of, new_socket_path
from app.worker.link import open_link
from app.worker.slots import fill_at_once
from app.worker.transport import TAKEN

log = get_logger(__name__)

BEAT_SECONDS = 0.5
_RUNNING: int = bootsteps.RUN  # type: ignore[attr-defined]


class AgentStep(bootsteps.StartStopStep):
    """Runs before the pool starts, so that pool processes inherit what it prepares."""

    requires: tuple[Any, ...] = ()

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._keeper: AgentKeeper | None = None
        self._line: AgentLine | None = None

    def create(self, parent: Any) -> None:
        """Called while the worker is assembled, before anything forks."""
        import app.worker.control  # noqa: F401 - replaces Celery's commands; needs this module

        catalogue()
        if not get_settings().agent_socket:
            self._keeper = AgentKeeper(new_socket_path())
            self._keeper.use_in_this_process()
        # Two lines a message say nothing that our own lines and the rows do not.
        for name in ("celery.worker.strategy", "celery.app.trace"):
            logging.getLogger(name).setLevel(logging.WARNING)
        pool = _pool_name(parent)
        tracing.prepare(warn=False)  # the agent says what is amiss, once for all of them
        _in_pool_processes(parent.hostname, os.getpid())
        _replace_swollen_processes(parent)
        if pool == "prefork":
            fill_at_once()
        else:
            install_stop_signal()
            open_link(on_order, parent.hostname, os.getpid())
            tracing.start("worker")
        facts = {
            "name": parent.hostname,
            "pid": os.getpid(),
            "pool": pool,
            # Solo runs one at a time, whatever number it was given.
            "slots": 1 if pool == "solo" else int(parent.concurrency or 1),
            "queues": sorted(parent.app.amqp.queues.consume_from),
            "version": VERSION,
            "catalogue_hash": catalogue().hash,
            "catalogue": catalogue().names,
            "replaceable": self._keeper is None,
        }
        self._line = AgentLine(get_settings().agent_socket, facts, parent)

    def start(self, parent: Any) -> None:
        """The worker is about to start its pool."""
        if self._keeper is not None:
            self._keeper.start()
        if self._line is not None:
            self._line.start()
        _share_memory_with_pool_processes()

    def terminate(self, parent: Any) -> None:
        """The worker has stopped."""
        if self._line is not None:
            self._line.close()
        if self._keeper is not None:
            self._keeper.stop()
        tracing.finish()

    stop = terminate


# Celery starts steps in the order of what they require, and steps that nobody requires anywhere
# (by the hash of their class, so differently at each start). Stopped before the pool, the line
# would be cut while tasks still run: nobody would renew or drain them.
Pool.requires = (*Pool.requires, AgentStep)  # type: ignore[misc]


class AgentLine(threading.Thread):
    """Tells the agent that this process lives, what it is, and what monitors ask of it."""

    current: AgentLine | None = None

    def __init__(self, path: str, facts: dict[str, Any], worker: Any) -> None:
        super().__init__(name="agent-line", daemon=True)
        self._path = path
        self._facts = facts
        self._worker = worker
        self._keeper_pid = keeper_of(path)
        self._stopping = False
        self._closed = threading.Event()
        self._messages: list[list[Any]] = []
        self._lock = threading.Lock()
        AgentLine.current = self
        signals.worker_shutting_down.connect(self._on_shutdown, weak=False)

    def revoke(self, message_ids: list[str]) -> None:
        """Messages were revoked by a monitor; the tasks behind them are to be cancelled."""
        with self._lock:
            self._messages.append(["revoke", message_ids])

    def unknown(self, queue: str, pairs: list[tuple[str, str]]) -> None:
        """Hints were taken for a function that this worker does not have."""
        with self._lock:
            self._messages.append(["unknown", queue, pairs])

    def close(self) -> None:
        """Stop speaking."""
        self._closed.set()

    def _end_if_alone(self) -> None:
        """End as on SIGTERM when the supervisor was killed: nobody else would end us.

        Without a supervisor this process keeps the agent itself, and its parent is a shell that
        may well go first.
        """
        alone = self._keeper_pid not in (os.getpid(), os.getppid())
        if alone and not self._stopping:
            log.warning("supervisor_gone", cure="finishing what runs, then ending")
            os.kill(os.getpid(), signal.SIGTERM)

    def _on_shutdown(self, **_: Any) -> None:
        self._stopping = True

    def run(self) -> None:
        """Speak until closed; an agent that is gone is replaced soon."""
        while not self._closed.is_set():
            try:
                self._speak()
            except OSError:
                self._end_if_alone()  # the agent may have gone before we ever reached it
            self._closed.wait(0.2)

    def _speak(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._path)
            connection.settimeout(get_settings().lease_seconds / 3)
            _send(connection, ["hello", "parent", self._facts])
            while not self._closed.is_set():
                with self._lock:
                    messages, self._messages = self._messages, []
                for message in messages:
                    _send(connection, message)
                _send(connection, ["stopping" if self._stopping else "beat", *self._hearing()])
                self._end_if_alone()
                self._closed.wait(BEAT_SECONDS)

    def _hearing(self) -> list[Any]:
        """Whether it has a connection to the broker, messages in hand, entries taken by queue."""
        consumer = getattr(self._worker, "consumer", None)
        connected = (
            consumer is not None
            and consumer.connection is not None
            and consumer.blueprint.state == _RUNNING
        )
        return [connected, len(state.reserved_requests), TAKEN.copy()]


def _send(connection: socket.socket, message: list[Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _in_pool_processes(hostname: str, parent_pid: int) -> None:
    def on_start(**_: Any) -> None:
        end_without_being_heard()
        install_stop_signal()
        open_link(on_order, hostname, parent_pid)
        # Not before the fork: the thread that sends would be lost.
        tracing.start("worker")

    def on_end(**_: Any) -> None:
        tracing.finish()  # the process ends by os._exit, which asks nobody

    signals.worker_process_init.connect(on_start, weak=False)
    signals.worker_process_shutdown.connect(on_end, weak=False)


def end_without_being_heard() -> None:
    """Have a pool process that ends wait 2 s, not 30, until its main process has heard of its last task.

    Once told to stop, that one no longer reads what a process says that began and ended a task just
    before. What is to be known of a task is in its row.
    """
    billiard_pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20  # looks, ten a second


def _replace_swollen_processes(parent: Any) -> None:
    """What a task leaves behind in its process must not count as the next one's memory."""
    limit = get_settings().task_memory_limit_mb
    if limit is not None:
        idle_kilobytes = psutil.Process().memory_info().rss // 1024
        parent.max_memory_per_child = idle_kilobytes + limit * 1024 // 2


def _share_memory_with_pool_processes() -> None:
    """Have the garbage collector leave alone what is there before the fork.

    It writes into every object that it looks at, and so copies the page: some 30 MB in each pool
    process.
    """
    gc.collect()
    gc.freeze()


def _pool_name(parent: Any) -> str:
    module = getattr(parent.pool_cls, "__module__", "prefork")
    return str(module).rsplit(".", 1)[-1].replace("thread", "threads")
