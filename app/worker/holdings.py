"""What an agent knows of the processes on its machine: what runs where, since when."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from app.services.attempts import LostTo
from app.worker.burst_page import read as read_page
from app.worker.counts import Counts
from app.worker.wire import Connection

Pair = tuple[uuid.UUID, uuid.UUID]


@dataclass(slots=True)
class Held:
    """A claim that a process said it makes. Times are monotonic seconds, limits seconds."""

    pair: Pair
    queue: str
    name: str
    time_limit: float | None
    soft_time_limit: float | None
    since: float = field(default_factory=time.monotonic)
    cancel_seen_at: float | None = None
    told: set[str] = field(default_factory=set)
    # Why it is about to be killed, if it is.
    cause: LostTo | Literal["lost"] | None = None
    missed_renewal: bool = False
    # Since when it is known that the row went to somebody else.
    lost_at: float | None = None
    # It waits for the database, to claim or to settle; none of its code runs.
    waiting: bool = False
    # When a thread was last told again to stop.
    repeated_at: float = 0.0
    # Its body runs, or may run. Of the rows of a burst that is one.
    begun: bool = True


@dataclass(slots=True)
class Burst:
    """Rows that a process claims together and runs in this order."""

    number: int
    rows: list[Held]
    path: str

    def look(self) -> int:
        """Which row runs now, as the process says in the page it shares; the row's time begins."""
        place = read_page(self.path, self.number)
        for index, held in enumerate(self.rows):
            if index == place and not held.begun:
                held.since = time.monotonic()
            held.begun = index == place
        return place


@dataclass(slots=True)
class Process:
    """A process that runs task code: a pool child, or the parent itself on solo and threads."""

    pid: int
    worker: str
    connection: Connection | None
    held: dict[uuid.UUID, Held] = field(default_factory=dict)
    slice_queue: str = ""
    slice_rest: list[Pair] = field(default_factory=list)
    burst: Burst | None = None
    gone_since: float | None = None
    # Its main process; on threads and solo that is itself.
    parent: int = 0
    # Its worker is draining: what dies with it was interrupted.
    stopping: bool = False

    def running(self) -> list[Held]:
        """The claims whose bodies may run at this moment."""
        if self.burst is not None:
            self.burst.look()
        return [held for held in self.held.values() if held.begun]


@dataclass(slots=True)
class Parent:
    """A Celery main process as it described itself."""

    name: str
    pid: int
    pool: str
    slots: int
    queues: list[str]
    version: str
    catalogue_hash: str
    catalogue: list[str]
    # Whether its keeper can start another one in its place.
    replaceable: bool
    connection: Connection
    heard_at: float = field(default_factory=time.monotonic)
    stopping_since: float | None = None
    interrupted: bool = False
    # What it said last: whether it has a connection to the broker, messages it has in hand, and
    # entries it has taken so far, by queue.
    connected: bool = False
    reserved: int = 0
    taken: dict[str, int] = field(default_factory=dict)
    # Another one takes its place: it ends when its attempts have, without being hurried.
    retiring_since: float | None = None
    told_to_replace: bool = False


@dataclass(slots=True)
class Measured:
    """Run times of one function since they were last written down."""

    samples: int = 0
    total: float = 0.0
    peak: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one attempt."""
        self.samples += 1
        self.total += seconds
        self.peak = max(self.peak, seconds)

    def add_many(self, samples: int, total: float, peak: float) -> None:
        """Count several."""
        self.samples += samples
        self.total += total
        self.peak = max(self.peak, peak)


class Holdings:
    """The agent's memory. Everything in it is rebuilt from what reconnecting processes say."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.parents: dict[str, Parent] = {}
        self.by_connection: dict[Connection, Process | Parent] = {}
        self.claimed: dict[str, int] = defaultdict(int)
        self._measured: dict[str, Measured] = defaultdict(Measured)
        self._finished: dict[str, int] = defaultdict(int)
        self.counts = Counts()

    def child_said_hello(
        self,
        connection: Connection,
        pid: int,
        parent: int,
        worker: str,
        under_way: Collection[str],
    ) -> None:
        """A process connected, perhaps again, with these claims under way.

        It may have settled others while it could not say so. One that were still believed in
        would have its limits kept, on whatever that process runs by then.
        """
        process = self.processes.get(pid)
        if process is None:
            process = self.processes[pid] = Process(pid, worker, connection, parent=parent)
        for celery_id in [each for each in process.held if str(each) not in under_way]:
            del process.held[celery_id]
        for held in process.held.values():
            held.waiting = False  # what still waits says so again
        process.connection = connection
        process.gone_since = None
        self.by_connection[connection] = process

    def parent_said_hello(self, connection: Connection, facts: dict[str, Any]) -> Parent:
        """A main process connected and described itself."""
        parent = Parent(connection=connection, **facts)
        self.parents[parent.name] = parent
        self.by_connection[connection] = parent
        return parent

    def claimed_by(self, process: Process, message: list[Any]) -> Held:
        """A process is about to claim a row."""
        _, task_id, celery_id, queue, name, hard, soft, *since = message
        pair = (uuid.UUID(task_id), uuid.UUID(celery_id))
        held = process.held.get(pair[1])
        if held is None:  # else it tells us again after a reconnect
            held = process.held[pair[1]] = Held(pair, queue, name, hard, soft)
            self.claimed[queue] += 1
        if since:  # told again: its body may have begun meanwhile
            held.since = since[0]
        if process.slice_rest and process.slice_rest[0] == pair:
            process.slice_rest.pop(0)
        return held

    def burst_claimed_by(self, process: Process, message: list[Any], path: str) -> list[Held]:
        """A process is about to claim these rows together, or tells a new agent that it has."""
        _, number, queue, name, said = message
        rows = []
        for task_id, celery_id, hard, soft in said:
            pair = (uuid.UUID(task_id), uuid.UUID(celery_id))
            held = Held(pair, queue, name, hard, soft, begun=False)
            rows.append(process.held.setdefault(pair[1], held))
        process.burst = Burst(number, rows, path)
        self.claimed[queue] += len(rows)
        return rows

    def burst_ended(self, process: Process, message: list[Any]) -> list[Held]:
        """Nothing of the burst is this process's any more."""
        _, number, samples, total, peak = message
        burst = process.burst
        if burst is None or burst.number != number:
            return []
        process.burst = None
        for held in burst.rows:
            process.held.pop(held.pair[1], None)
        if samples and burst.rows:
            self._measured[burst.rows[0].name].add_many(samples, total, peak)
            self._finished[burst.rows[0].queue] += samples
        return burst.rows

    def waits(self, process: Process, celery_id: uuid.UUID) -> None:
        """A claim or settlement waits for the database."""
        if (held := process.held.get(celery_id)) is not None:
            held.waiting = True

    def begins(self, process: Process, celery_id: uuid.UUID) -> None:
        """The body of a late claim begins; its limits count from now."""
        if (held := process.held.get(celery_id)) is not None:
            held.waiting = False
            held.since = time.monotonic()
            held.told.discard("timeout")

    def settled_by(self, process: Process, celery_id: uuid.UUID, seconds: float | None) -> None:
        """A claim is over; its body ran for `seconds`, or not at all."""
        held = process.held.pop(celery_id, None)
        if held is not None and seconds is not None:
            self._measured[held.name].add(seconds)
            self._finished[held.queue] += 1

    def take_measured(self) -> tuple[dict[str, Measured], dict[str, int]]:
        """Run times by function and attempts ended by queue, since this was last called."""
        taken = self._measured, self._finished
        self._measured, self._finished = defaultdict(Measured), defaultdict(int)
        return taken

    def all_held(self) -> Iterator[tuple[Process, Held]]:
        """Every claim under way, with its process."""
        for process in list(self.processes.values()):
            for held in list(process.held.values()):
                yield process, held

    def busy(self, worker: str) -> int:
        """Slots of a worker that run a claim."""
        return sum(
            1 if process.burst is not None else len(process.held)
            for process in self.of_worker(worker)
        )

    def of_worker(self, worker: str) -> list[Process]:
        """The processes of one worker."""
        return [process for process in self.processes.values() if process.worker == worker]
