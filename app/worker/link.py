"""A pool process's line to the agent of its machine.

One Unix stream socket a process, one JSON array a line. The process says what it is about to
claim before it claims, so the agent always knows at least what runs; the kernel closes the
socket when the process dies, so a death is known at once. Between two agents the process renews
its own leases for a while; where there was never one everything here does nothing: the attempt
runs, and its lease ends if it outlives it.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import Database
from app.hints import HintRow
from app.queries.leases import renew
from app.worker.burst_page import BurstPage, path_of

log = get_logger(__name__)

RECONNECT_SECONDS = 0.2
# A new agent is there long before; an orphan that never ends must not hold its task for ever.
BRIDGE_SECONDS = 15.0

Orders = Callable[[str, str], None]


class Link:
    """The line of one process. Thread-safe. With an empty `path` it is mute."""

    def __init__(self, path: str, orders: Orders, worker: str, parent: int) -> None:
        self.pid = os.getpid()
        self._orders = orders
        self._hello = ["hello", "child", self.pid, parent, worker]
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        # What a new agent must be told: claims that are under way, and since when (monotonic,
        # which is the machine's clock, so that limits go on from there).
        self._open: dict[str, tuple[float, list[Any]]] = {}
        self._waiting: set[str] = set()
        self._settled: list[list[Any]] = []
        self._burst: list[Any] | None = None
        self._bursts = 0
        self._path = path
        self.page = BurstPage(path_of(path, self.pid))
        self._bridge = Bridge()
        if path:
            threading.Thread(target=self._listen, name="agent-link", daemon=True).start()

    def slice(self, rows: Sequence[HintRow], queue: str) -> None:
        """These rows travelled together; the agent gives unstarted ones back if one is slow."""
        self._send([["slice", queue, [[str(row[0]), str(row[1])] for row in rows]]])

    def burst(self, rows: Sequence[HintRow], queue: str, name: str) -> int:
        """About to claim all these rows; the number under which `page` says which one runs."""
        said = [[str(task), str(celery), hard, soft] for task, celery, hard, soft in rows]
        with self._lock:
            self._bursts += 1
            self._burst = ["burst", self._bursts, queue, name, said]
            settled, self._settled = self._settled, []
        self._send([*settled, self._burst])
        return self._bursts

    def burst_over(self, samples: int, total: float, peak: float) -> None:
        """Every row of the burst is settled, or given back; its bodies ran so many seconds."""
        with self._lock:
            self._burst = None
            settled, self._settled = self._settled, []
        self._send([*settled, ["burst_over", self._bursts, samples, total, peak]])

    def claiming(self, row: HintRow, queue: str, name: str) -> None:
        """About to claim a row; said before the claim so that a death in between is known."""
        message = ["claim", str(row[0]), str(row[1]), queue, name, row[2], row[3]]
        with self._lock:
            self._open[str(row[1])] = (time.monotonic(), message)
            settled, self._settled = self._settled, []
        self._send([*settled, message])

    def settled(
        self, row: HintRow, again: str | None, deleted: bool, seconds: float | None
    ) -> None:
        """A claim is over. Sent with the next claim, or by `flush`.

        `seconds` is how long the body ran, None if there was nothing to run; `again` the queue
        to feed if another attempt follows.
        """
        with self._lock:
            self._open.pop(str(row[1]), None)
            self._waiting.discard(str(row[1]))
            self._settled.append(["done", str(row[0]), str(row[1]), again, deleted, seconds])

    def waiting(self, row: HintRow) -> None:
        """The claim or the settlement of a row waits for the database; no code of it runs."""
        with self._lock:
            self._waiting.add(str(row[1]))
        self._send([["waiting", str(row[1])]])

    def begins(self, row: HintRow, *, late: bool) -> None:
        """The body begins. Said only when it is `late`: limits count from here, not the claim."""
        key = str(row[1])
        if late or key in self._waiting:
            with self._lock:
                self._waiting.discard(key)
                self._open[key] = (time.monotonic(), self._open[key][1])
            self._send([["begins", key]])

    def flush(self) -> None:
        """Send what `settled` kept. At the end of each message."""
        with self._lock:
            settled, self._settled = self._settled, []
        if settled:
            self._send(settled)

    def awaited(self) -> None:
        """The last attempt that settled has finished a task that others wait for."""
        with self._lock:
            self._settled.append(["awaited"])

    def refused(self, number: int) -> None:
        """So many rows did not wait for their message any more. Sent as what `settled` keeps."""
        with self._lock:
            self._settled.append(["refused", number])

    def changed(self, task_id: uuid.UUID) -> None:
        """A row has changed."""
        self._send([["changed", str(task_id)]])

    def spawned(self, ids: Sequence[uuid.UUID], queues: Sequence[str]) -> None:
        """New rows are committed, and these queues have something."""
        self._send([["spawned", [str(each) for each in ids], list(queues)]])

    def acknowledged(self, celery_id: uuid.UUID) -> None:
        """The attempt has learned that it is to stop."""
        self._send([["ack", str(celery_id)]])

    def _send(self, messages: list[list[Any]]) -> None:
        connection = self._socket
        if connection is None:
            return
        data = "".join(json.dumps(message) + "\n" for message in messages).encode()
        try:
            with self._lock:
                connection.sendall(data)
        except OSError:
            # The listening thread sees the same and connects anew, telling what is open.
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        if self._socket is connection:
            self._socket = None
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _opening(self) -> list[list[Any]]:
        """Who this is and all that is under way. What was said before is void: it may be old."""
        burst = [row[1] for row in self._burst[4]] if self._burst else []
        opening = [[*self._hello, [*self._open, *burst]]]
        opening += [self._burst] if self._burst else []
        opening += [[*message, since] for since, message in self._open.values()]
        return [*opening, *(["waiting", key] for key in self._waiting)]

    def _listen(self) -> None:
        while True:
            try:
                self._serve()
            except OSError:
                pass
            self._bridge.renew_if_due(self._pairs())
            time.sleep(RECONNECT_SECONDS)

    def _pairs(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        with self._lock:
            said = [message[1:3] for _, message in self._open.values()]
            said += [row[:2] for row in self._burst[4]] if self._burst else []
        return [(uuid.UUID(task), uuid.UUID(celery)) for task, celery in said]

    def _serve(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._path)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            with self._lock:
                connection.sendall("".join(json.dumps(m) + "\n" for m in self._opening()).encode())
                self._socket = connection
            self._bridge.end()
            try:
                for line in connection.makefile("rb"):
                    order, celery_id = json.loads(line)
                    self._orders(order, celery_id)
            finally:
                self._drop(connection)


class Bridge:
    """Leases while there is no agent: it was killed, or was frozen and is being replaced.

    Starting another one takes seconds, which may be more than a short lease has left.
    """

    def __init__(self) -> None:
        self._database: Database | None = None
        self._until: float | None = None
        self._due = 0.0

    def renew_if_due(self, pairs: list[tuple[uuid.UUID, uuid.UUID]]) -> None:
        """Renew once a heartbeat, from the first moment without an agent, for a bounded time."""
        settings = get_settings()
        now = time.monotonic()
        if self._until is None:
            self._until = now + settings.lease_seconds + BRIDGE_SECONDS
            self._due = now
        if not pairs or now < self._due or now > self._until:
            return
        self._due = now + settings.heartbeat_seconds
        self._database = self._database or Database(durable=False)
        try:
            self._database.execute(renew(pairs, settings.lease_seconds))
        except SQLAlchemyError as exc:
            log.warning("lease_not_renewed", error=first_line(exc))

    def end(self) -> None:
        """There is an agent again."""
        self._until = None
        if self._database is not None:
            self._database.close()
            self._database = None


_link: Link | None = None
_guard = threading.Lock()


def open_link(orders: Orders, worker: str, parent: int) -> None:
    """Connect this process; called when a pool process starts."""
    global _link
    _link = Link(get_settings().agent_socket, orders, worker, parent)


def link() -> Link:
    """This process's line; a mute one where nothing was opened."""
    global _link
    with _guard:
        if _link is None or _link.pid != os.getpid():
            _link = Link("", lambda order, celery_id: None, "", 0)
    return _link


def _new_guard() -> None:
    global _guard
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_guard)
