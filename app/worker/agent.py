"""The agent: one process per machine that does everything for running tasks but run them.

It keeps their leases, tells them to stop, settles for processes that died, feeds the queues,
and, where it holds the duty, looks after what no machine speaks for any more. It is the only
process of a worker that talks to the database besides the pool processes themselves.

`python -m app.worker.agent` is started by `scripts.celery_worker`, or by the worker's bootstep
where Celery was started directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app import dispatch, events
from app.core import tracing
from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.core.logging import configure, get_logger
from app.core.version import VERSION
from app.db.session import Database
from app.domain.counters import Counted
from app.maintenance import dependents, operations, rollup
from app.maintenance.retention import Retention
from app.maintenance.webhooks import Sender
from app.queries.due import Work
from app.services.catalogue import catalogue
from app.worker.deafness import LOOK_SECONDS, Deafness
from app.worker.deaths import Deaths, is_alive
from app.worker.duties import Duties
from app.worker.hearing import Hearing
from app.worker.holdings import Holdings
from app.worker.keeper import keeper_of
from app.worker.leases import Leases
from app.worker.legacy import PAUSE_SECONDS, Legacy
from app.worker.repeating import Step, follow, repeat
from app.worker.steadiness import Steadiness
from app.worker.stops import Stops

log = get_logger(__name__)

TICK_SECONDS = 1.0
LINGER_SECONDS = 5.0
# Edges of one step, and of one transaction.
BATCH = 200
# Bulk operations that go on side by side.
OPERATIONS = 10


class Agent:
    """Wires the parts together and runs their loops."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._keeper_pid = keeper_of(path)
        self.holdings = Holdings()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._durable = Database(durable=True, pool_size=2)
        relaxed = Database(durable=False, pool_size=2)
        steadiness = Steadiness()
        self._leases = Leases(self.holdings, relaxed, steadiness)
        self._stops = Stops(self.holdings, self._durable)
        self._deaths = Deaths(self.holdings, self._durable)
        self._duties = Duties(self.holdings, self._durable, self.name, steadiness)
        # What a power cut brings back is removed once more.
        self._retention = Retention(relaxed, lambda: self._duties.held)
        self._deafness = Deafness(self.holdings)
        self._legacy = Legacy(path, self.holdings)
        self._hearing = Hearing(
            path, self.holdings, self._stops, self._leases, self._deafness, self._duties
        )
        self._wake = self._hearing.died
        told = partial(self.holdings.counts.add, Counted.WEBHOOK_ATTEMPTS)
        self._sender = Sender(self._durable, ended=told)
        self._due = {
            Work.DEPENDENTS: self._hearing.finished,
            Work.OPERATIONS: asyncio.Event(),
            Work.DELIVERIES: self._sender.due,
            Work.SUBTASKS: asyncio.Event(),
        }
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to end and every process of this machine is gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        self._legacy.read()
        listener = _listen(self._path)
        loop.add_reader(listener.fileno(), self._hearing.accept, listener)
        stop_listening = threading.Event()
        threading.Thread(
            target=events.listen_for_wakes,
            args=(lambda: loop.call_soon_threadsafe(self._wake.set), stop_listening),
            daemon=True,
        ).start()
        settings = get_settings()
        loops = [
            repeat(Step("tick", self._tick), lambda: TICK_SECONDS, self._wake),
            follow(Step("dependents", self._tell), self._due[Work.DEPENDENTS]),
            follow(Step("bulk", self._go_on), self._due[Work.OPERATIONS]),
            follow(Step("webhooks", self._call), self._due[Work.DELIVERIES]),
            follow(Step("subtasks", self._roll_up), self._due[Work.SUBTASKS]),
            repeat(Step("stops", self._stops.run_once), self._stops.pause, self._stops.due),
            repeat(Step("leases", self._leases.renew_once), self._leases.pause),
            repeat(Step("workers", self._beat), lambda: settings.heartbeat_seconds),
            repeat(Step("legacy", self._legacy.write_once), lambda: PAUSE_SECONDS),
            repeat(Step("duties", self._duties.run_once), self._duties.pause),
            repeat(Step("retention", self._retention.run_once), self._retention.pause),
            repeat(Step("deafness", self._deafness.run_once), lambda: LOOK_SECONDS),
        ]
        running = [asyncio.create_task(each) for each in loops]
        await self._ending.wait()
        await self._wait_for_processes()
        _surely_end()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._sender.close()
        stop_listening.set()
        loop.remove_reader(listener.fileno())
        listener.close()
        with contextlib.suppress(SQLAlchemyError):
            await asyncio.to_thread(self._duties.release)
            await asyncio.to_thread(self.holdings.counts.write, self._durable)
        events.flush()

    async def _beat(self) -> None:
        """What the workers of this machine are and do; and what was counted here, durably.

        A counter that fell with what a crash of the database takes would look as if it began anew.
        """
        await self._leases.describe_workers()
        await asyncio.to_thread(self.holdings.counts.write, self._durable)

    async def _wait_for_processes(self) -> None:
        """Settle for what is still dying; a process that lives on keeps its leases until it ends.

        With the keeper waiting for us, or nobody alive, that is not for long: what is not settled
        by then, such as with the database away, is rescued by another agent.
        """
        deadline = time.monotonic() + LINGER_SECONDS
        while self.holdings.processes:
            kept = os.getppid() == self._keeper_pid
            if not kept and any(is_alive(pid) for pid in self.holdings.processes):
                deadline = time.monotonic() + LINGER_SECONDS
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.05)
            with contextlib.suppress(SQLAlchemyError):
                await self._settle_for_dead()

    async def _tick(self) -> None:
        if os.getppid() != self._keeper_pid:
            self._ending.set()  # whoever kept us is gone; end when our processes have
        self._see_dead()
        await self._settle_for_dead()
        await self._stops.look_once()
        found = await self._duties.look()
        for kind, due in self._due.items():
            if kind in found.kinds:
                due.set()
        for queue in found.queues:
            dispatch.wake(queue)

    async def _tell(self) -> None:
        """Dependents of what has finished; soon again where there may be more."""
        began = time.monotonic()
        report = await asyncio.to_thread(dependents.run_once, self._durable, BATCH)
        if report.released or report.ended:
            log.info("dependents", **report.counts())
        if report.edges:
            await _leave_time(began)
            self._due[Work.DEPENDENTS].set()

    async def _go_on(self) -> None:
        """Bulk operations, where this agent has the duty; soon again while there are any."""
        if not self._duties.held:
            return
        began = time.monotonic()
        report = await operations.run_once(self._durable, OPERATIONS)
        if report.tasks:
            await _leave_time(began)
            self._due[Work.OPERATIONS].set()

    async def _roll_up(self) -> None:
        """Subtasks as their parents show them, where this agent has the duty: once a second.

        Sooner only while more has happened than one step takes.
        """
        if not self._duties.held:
            return
        began = time.monotonic()
        report = await asyncio.to_thread(rollup.run_once, self._durable)
        if report.left:
            await _leave_time(began)
            self._due[Work.SUBTASKS].set()

    async def _call(self) -> None:
        """Webhooks, where this agent has the duty."""
        if self._duties.held:
            await self._sender.run_once()

    def _see_dead(self) -> None:
        """Close lines of the dead that something they started keeps open."""
        for process in list(self.holdings.processes.values()):
            if process.connection is not None and not is_alive(process.pid):
                process.connection.close()

    async def _settle_for_dead(self) -> None:
        if await self._deaths.run_once():
            self._wake_soon()

    def _wake_soon(self) -> None:
        asyncio.get_running_loop().call_later(0.05, self._wake.set)


async def _leave_time(began: float) -> None:
    """As long as it took is left to other writers: SQLite lets only one in, and no queue."""
    await asyncio.sleep(min(time.monotonic() - began, TICK_SECONDS))


def _surely_end() -> None:
    """End this process soon, whatever a thread of it still waits for."""
    timer = threading.Timer(LINGER_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _listen(path: str) -> socket.socket:
    """Listen on the path, taking it over from an agent that died."""
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def main() -> int:
    """Run the agent of the socket that `AGENT_SOCKET` names."""
    configure("celery_worker")
    try:
        path = get_settings().agent_socket
        if not path:
            raise ConfigurationError(
                "The agent is started by the worker; run: python -m scripts.celery_worker"
            )
        catalogue()
        tracing.start("worker", warn=True)
        log.info("agent_started", version=VERSION, pid=os.getpid())
        asyncio.run(Agent(path).run())
        tracing.finish()
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
