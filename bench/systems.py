"""The systems whose execution is compared: how each is filled, started, watched and judged."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from bench import bare, calls, stamps
from bench.backlog import SHORT_SECONDS, SLOW_SECONDS, Backlog
from bench.cpu import own_seconds
from bench.servers import MARKED, Database, Servers, environment_on
from bench.topic import RoundFailed
from tests.support.environment import bare_environment
from tests.support.processes import ROOT, Process, free_port

CONCURRENCY = "2"
SLICED = "bench.tasks.noop"
SINGLE = "bench.tasks.noop_single"
BURST = "bench.tasks.noop_burst"
MIXED = "bench.tasks.mixed"
MIXED_SINGLE = "bench.tasks.mixed_single"
Arguments = Callable[[int], list[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker has its files, and the port of its Flower."""

    folder: Path
    flower_port: int

    @staticmethod
    def new(folder: Path) -> Place:
        """A fresh folder."""
        (folder / "calls").mkdir(parents=True)
        return Place(folder, free_port())

    @property
    def calls(self) -> Path:
        """The folder of the counted calls."""
        return self.folder / "calls"

    @property
    def stamps(self) -> Path:
        """The file of the times of calls."""
        return self.folder / "stamps"

    @property
    def environment(self) -> dict[str, str]:
        """What tells the functions where to count."""
        return {calls.FOLDER: str(self.calls), stamps.FILE: str(self.stamps)}


class Drainable(ABC):
    """What drains backlogs, however it is started."""

    flower: bool = False
    servers: Servers

    @abstractmethod
    def fill(
        self, function: str, count: int, label: str, arguments: Arguments | None = None
    ) -> None:
        """Submit the backlog where no worker sees it yet."""

    @abstractmethod
    def release(self) -> None:
        """Let workers see all of it at once."""

    @abstractmethod
    def server_pids(self) -> list[int]:
        """Broker, and the database server if there is one."""

    def left(self) -> int:
        """What is not settled yet, as far as the system itself knows."""
        return 0

    def settle(self) -> float:
        """Do now what the system would do later about what it has run; CPU seconds spent here."""
        return 0.0

    def proves(self, count: int, label: str) -> bool:
        """Whether the system's own history says: each once. Without a history, nothing to say."""
        return True


class System(Drainable):
    """One worker of Celery's, plain or ours, that Flower may watch."""

    @abstractmethod
    def start_worker(self, place: Place) -> Process:
        """The worker."""

    @abstractmethod
    def start_flower(self, place: Place) -> Process:
        """Flower on the place's port."""

    @abstractmethod
    def probe(self) -> Celery:
        """An application that can ask the worker whether it is there."""


class BareCelery(System):
    """Celery alone. Its backlog is published into another database and moved over at once."""

    _DATABASE, _PARKED, _QUEUE = 1, 2, "celery"

    def __init__(self, servers: Servers, *, watched: bool) -> None:
        self.servers, self.flower = servers, watched
        self._broker = servers.peer_broker(self._DATABASE)
        self._results = self._broker if watched else ""
        self._app = bare.make(self._broker, self._results)
        self._redis = redis.Redis.from_url(self._broker)
        self._filler = bare.make(servers.peer_broker(self._PARKED), self._results)
        self._parked = redis.Redis.from_url(servers.peer_broker(self._PARKED))

    def fill(
        self, function: str, count: int, label: str, arguments: Arguments | None = None
    ) -> None:
        self._parked.flushdb()
        self._filler.loader.import_default_modules()
        task = self._filler.tasks[function]
        with self._filler.producer_pool.acquire(block=True) as producer:
            for number in range(count):
                own = tuple(arguments(number)) if arguments else ()
                task.apply_async(own, producer=producer)

    def release(self) -> None:
        if not self._parked.move(self._QUEUE, self._DATABASE):
            raise RoundFailed("the queue of Celery was not empty")

    def probe(self) -> Celery:
        return self._app

    def server_pids(self) -> list[int]:
        return [self.servers.broker.pid]

    def start_worker(self, place: Place) -> Process:
        self._redis.flushdb()
        events = ["-E"] if self.flower else []
        command = ["worker", "-c", CONCURRENCY, "--pool", "prefork", *events]
        return self._start("worker", command, place)

    def start_flower(self, place: Place) -> Process:
        return self._start("flower", ["flower", f"--port={place.flower_port}"], place)

    def submit(self, function: str, *arguments: Any) -> None:
        """`delay()`, as a program would call it."""
        self._app.loader.import_default_modules()
        self._app.tasks[function].delay(*arguments)

    def _start(self, name: str, arguments: list[str], place: Place) -> Process:
        env = (
            bare_environment()
            | MARKED
            | {
                "PYTHONPATH": str(ROOT),
                bare.BROKER: self._broker,
                bare.RESULTS: self._results,
                **place.environment,
            }
        )
        command = [sys.executable, "-m", "celery", "-A", "bench.bare", *arguments]
        # Not in the clone, where files for our own Flower lie.
        return Process(command, env=env, output=place.folder / f"{name}.out", cwd=place.folder)


class Tracked(System):
    """Ours, with every setting at its default.

    `one_parent`: one Celery main process with two children, as bare Celery's worker is; else the
    worker as it starts by itself.
    """

    def __init__(
        self,
        servers: Servers,
        database: Database,
        *,
        one_parent: bool = True,
    ) -> None:
        self.servers, self.database = servers, database
        self._one_parent = one_parent
        self.backlog = Backlog(database.url)
        self._probe = Celery("probe", broker=servers.broker.url, set_as_current=False)
        self._probe.conf.broker_transport_options = {"global_keyprefix": database.prefix}

    def fill(
        self, function: str, count: int, label: str, arguments: Arguments | None = None
    ) -> None:
        self.backlog.pause()
        self.backlog.fill(function, count, label, arguments)

    def release(self) -> None:
        self.backlog.release()

    def left(self) -> int:
        return self.backlog.running()

    def settle(self) -> float:
        began = own_seconds()
        self.backlog.fold()
        return own_seconds() - began

    def proves(self, count: int, label: str) -> bool:
        return self.backlog.verdict(label).proves(count)

    def probe(self) -> Celery:
        return self._probe

    def server_pids(self) -> list[int]:
        return self.servers.pids(self.database.kind)

    def start_worker(self, place: Place) -> Process:
        # What the records say when a system has run for a while; a slow run lasts for a while.
        for function in (SLICED, MIXED):
            self.backlog.record(function, SHORT_SECONDS)
        for function in (SINGLE, MIXED_SINGLE):
            self.backlog.record(function, SLOW_SECONDS)
        options = ["--concurrency", CONCURRENCY] if self._one_parent else []
        return self._start("worker", ["-m", "scripts.celery_worker", *options], place)

    def start_flower(self, place: Place) -> Process:
        command = ["-m", "celery", "-A", "app.celery_app.celery_app", "flower"]
        return self._start("flower", command, place)

    def _start(self, name: str, arguments: list[str], place: Place) -> Process:
        env = environment_on(
            self.servers,
            self.database,
            FLOWER_PORT=str(place.flower_port),
            **({"WORKER_PROCESSES": "1"} if self._one_parent else {}),
            **place.environment,
        )
        output = place.folder / f"{name}.out"
        return Process([sys.executable, *arguments], env=env, output=output, cwd=ROOT)
