"""What the processes of a machine say to their agent, and what it makes of that at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Awaitable

from sqlalchemy.exc import SQLAlchemyError

from app import dispatch, events
from app.core.logging import get_logger
from app.core.text import first_line
from app.domain.counters import Counted
from app.worker.burst_page import path_of
from app.worker.deafness import Deafness
from app.worker.duties import Duties
from app.worker.holdings import Holdings, Parent, Process
from app.worker.leases import Leases
from app.worker.stops import Stops
from app.worker.wire import Connection, Message

log = get_logger(__name__)

NOTICE_SECONDS = 0.05


class Hearing:
    """Keeps `holdings` by what is said. `died` is set when a line breaks, `finished` when a task
    has ended that others wait for.
    """

    def __init__(
        self, path: str, holdings: Holdings, stops: Stops, leases: Leases, deafness: Deafness,
        duties: Duties,
    ) -> None:  # fmt: skip
        self._path = path
        self._holdings = holdings
        self._stops = stops
        self._leases = leases
        self._deafness = deafness
        self._duties = duties
        self.died = asyncio.Event()
        self.finished = asyncio.Event()
        self._changed: set[uuid.UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, listener: socket.socket) -> None:
        """A process wants to speak."""
        with contextlib.suppress(BlockingIOError):
            sock, _ = listener.accept()
            Connection(sock, self._on_message, self._on_close)

    def _on_message(self, connection: Connection, message: Message) -> None:
        kind = message[0]
        if kind == "ping":
            if message[1:] == ["ending"]:
                self._deafness.keeper_ends()
            connection.send(["pong", self._deafness.to_replace()])
        elif kind == "hello":
            self._on_hello(connection, message)
        else:
            speaker = self._holdings.by_connection.get(connection)
            if isinstance(speaker, Process):
                self._on_child(speaker, message)
            elif isinstance(speaker, Parent):
                self._on_parent(speaker, message)

    def _on_hello(self, connection: Connection, message: Message) -> None:
        if message[1] == "child":
            _, _, pid, parent_pid, worker, under_way = message
            self._holdings.child_said_hello(connection, pid, parent_pid, worker, under_way)
        else:
            parent = self._holdings.parent_said_hello(connection, message[2])
            log.info("worker_joined", worker=parent.name, pool=parent.pool, slots=parent.slots)
            self._spawn(self._leases.describe_workers())

    def _on_child(self, process: Process, message: Message) -> None:
        kind = message[0]
        if kind == "claim":
            held = self._holdings.claimed_by(process, message)
            self._notice(held.pair[0])
            self._feed_when_half_empty(held.queue)
        elif kind == "done":
            _, task_id, celery_id, again, deleted, seconds = message
            self._holdings.settled_by(process, uuid.UUID(celery_id), seconds)
            if deleted:
                events.deleted([(uuid.UUID(task_id), None)])
            elif seconds is not None:
                self._notice(uuid.UUID(task_id))
            if again:
                dispatch.wake(again)
            dispatch.freed()
        elif kind == "burst":
            path = path_of(self._path, process.pid)
            held_rows = self._holdings.burst_claimed_by(process, message, path)
            self._feed_when_half_empty(held_rows[0].queue)
        elif kind == "burst_over":
            for held in self._holdings.burst_ended(process, message):
                self._notice(held.pair[0])
            dispatch.freed()
        elif kind == "awaited":
            self.finished.set()
        elif kind == "refused":
            self._holdings.counts.add(Counted.CLAIMS_REFUSED, number=message[1])
        elif kind == "waiting":
            self._holdings.waits(process, uuid.UUID(message[1]))
        elif kind == "begins":
            self._holdings.begins(process, uuid.UUID(message[1]))
        elif kind == "slice":
            process.slice_queue = message[1]
            process.slice_rest = [(uuid.UUID(t), uuid.UUID(c)) for t, c in message[2]]
        elif kind == "changed":
            self._notice(uuid.UUID(message[1]))
        elif kind == "spawned":
            for task_id in message[1]:
                self._notice(uuid.UUID(task_id))
            for queue in message[2]:
                dispatch.wake(queue)
        elif kind == "ack":
            held_now = process.held.get(uuid.UUID(message[1]))
            if held_now is not None:
                self._spawn(self._stops.acknowledge([held_now.pair]))

    def _on_parent(self, parent: Parent, message: Message) -> None:
        parent.heard_at = asyncio.get_running_loop().time()
        if message[0] in ("beat", "stopping"):
            parent.connected, parent.reserved, parent.taken = message[1:]
        if message[0] == "revoke":
            self._spawn(self._stops.cancel_by_message([uuid.UUID(m) for m in message[1]]))
        elif message[0] == "unknown":
            pairs = [(uuid.UUID(task), uuid.UUID(celery)) for task, celery in message[2]]
            self._spawn(self._stops.hand_back(message[1], pairs))
        elif message[0] == "stopping" and parent.stopping_since is None:
            parent.stopping_since = parent.heard_at
            self._spawn(self._leases.describe_workers())

    def _on_close(self, connection: Connection) -> None:
        speaker = self._holdings.by_connection.pop(connection, None)
        if isinstance(speaker, Process) and speaker.connection is connection:
            speaker.connection = None
            speaker.gone_since = time.monotonic()
            self.died.set()
        elif isinstance(speaker, Parent) and self._holdings.parents.get(speaker.name) is speaker:
            del self._holdings.parents[speaker.name]
            self._spawn(self._leases.forget(speaker.name))

    def _feed_when_half_empty(self, queue: str) -> None:
        if self._holdings.claimed[queue] * 2 >= self._duties.window(queue):
            self._holdings.claimed[queue] = 0
            dispatch.wake(queue)

    def _notice(self, task_id: uuid.UUID) -> None:
        if not self._changed:
            asyncio.get_running_loop().call_later(NOTICE_SECONDS, self._send_notices)
        self._changed.add(task_id)

    def _send_notices(self) -> None:
        changed, self._changed = self._changed, set()
        events.changed(changed)

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except SQLAlchemyError as exc:
                log.warning("agent_write_failed", error=first_line(exc))

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
