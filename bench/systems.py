"""The systems that are compared: how each is filled, started, watched and judged."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import redis
from celery import Celery

from bench import bare, calls
from bench.backlog import Backlog
from bench.servers import Servers, own_environment
from tests.support.environment import bare_environment
from tests.support.processes import ROOT, Process, free_port

CONCURRENCY = "2"
KEY_PREFIX = "bench:"
SLICED = "bench.tasks.noop"
SINGLE = "bench.tasks.noop_single"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a round has its files, and the port of its Flower."""

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


class System(ABC):
    """One contestant. `key` names it in the results, `function` is what it runs."""

    key: str
    title: str
    flower: bool
    servers: Servers

    @abstractmethod
    def fill(self, count: int, label: str) -> None:
        """Submit the backlog where no worker sees it yet."""

    @abstractmethod
    def release(self) -> None:
        """Let workers see all of it at once."""

    @abstractmethod
    def start_worker(self, place: Place) -> Process:
        """One prefork worker with two children."""

    @abstractmethod
    def start_flower(self, place: Place) -> Process:
        """Flower on the place's port."""

    @abstractmethod
    def probe(self) -> Celery:
        """An application that can ask the worker whether it is there."""

    def left(self, label: str) -> int:
        """What is not settled yet, as far as the system itself knows."""
        return 0

    def proves(self, count: int, label: str) -> bool:
        """Whether the system's own history says: each once. Without a history, nothing to say."""
        return True

    def extra_pids(self) -> list[int]:
        """Processes beside worker, broker and Flower that do its work."""
        return []

    @property
    def function(self) -> str:
        """The task that it runs."""
        return SLICED


class BareCelery(System):
    """Celery alone."""

    _PARKED = "bench-parked"
    _QUEUE = "celery"

    def __init__(self, servers: Servers, *, key: str, title: str, watched: bool) -> None:
        self.servers, self.key, self.title, self.flower = servers, key, title, watched
        # A database of its own on the same server.
        self._broker = servers.broker.url.removesuffix("/0") + "/1"
        self._results = self._broker if watched else ""
        self._app = bare.make(self._broker, self._results)
        self._redis = redis.Redis.from_url(self._broker)

    def fill(self, count: int, label: str) -> None:
        self._redis.flushdb()
        self._app.loader.import_default_modules()
        task = self._app.tasks[self.function]
        with self._app.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                task.apply_async(producer=producer)
        self._redis.rename(self._QUEUE, self._PARKED)

    def release(self) -> None:
        self._redis.rename(self._PARKED, self._QUEUE)

    def probe(self) -> Celery:
        return self._app

    def start_worker(self, place: Place) -> Process:
        events = ["-E"] if self.flower else []
        command = ["worker", "-c", CONCURRENCY, "--pool", "prefork", *events]
        return self._start("worker", command, place)

    def start_flower(self, place: Place) -> Process:
        return self._start("flower", ["flower", f"--port={place.flower_port}"], place)

    def _start(self, name: str, arguments: list[str], place: Place) -> Process:
        env = bare_environment() | {
            "PYTHONPATH": str(ROOT),
            bare.BROKER: self._broker,
            bare.RESULTS: self._results,
            calls.FOLDER: str(place.calls),
        }
        command = [sys.executable, "-m", "celery", "-A", "bench.bare", *arguments]
        # Not in the clone, where files for our own Flower lie.
        return Process(command, env=env, output=place.folder / f"{name}.out", cwd=place.folder)


class Tracked(System):
    """Ours, with every setting at its default."""

    def __init__(
        self, servers: Servers, *, key: str, title: str, database: str, url: str,
        flower: bool = False, single: bool = False,
    ) -> None:  # fmt: skip
        self.servers, self.key, self.title, self.flower = servers, key, title, flower
        self._database, self._url, self._single = database, url, single
        self._backlog = Backlog(url)
        if single:
            self._backlog.call_slow(SINGLE)
        transport = {"global_keyprefix": KEY_PREFIX}
        self._probe = Celery("probe", broker=servers.broker.url, set_as_current=False)
        self._probe.conf.broker_transport_options = transport

    @property
    def function(self) -> str:
        return SINGLE if self._single else SLICED

    def fill(self, count: int, label: str) -> None:
        self._backlog.pause()
        self._backlog.fill(self.function, count, label)

    def release(self) -> None:
        self._backlog.release()

    def left(self, label: str) -> int:
        return self._backlog.unfinished(label)

    def proves(self, count: int, label: str) -> bool:
        return self._backlog.verdict(label).proves(count)

    def extra_pids(self) -> list[int]:
        return [self.servers.postgres_pid] if self._database == "postgresql" else []

    def probe(self) -> Celery:
        return self._probe

    def start_worker(self, place: Place) -> Process:
        command = ["-m", "scripts.celery_worker", "--concurrency", CONCURRENCY]
        return self._start("worker", command, place)

    def start_flower(self, place: Place) -> Process:
        command = ["-m", "celery", "-A", "app.celery_app.celery_app", "flower"]
        return self._start("flower", command, place)

    def _start(self, name: str, arguments: list[str], place: Place) -> Process:
        env = own_environment(
            self.servers.folder,
            DATABASE_URL=self._url,
            CELERY_BROKER_URL=self.servers.broker.url,
            CELERY_RESULT_BACKEND=self.servers.broker.url,
            BROKER_KEY_PREFIX=KEY_PREFIX,
            FLOWER_PORT=str(place.flower_port),
            **{calls.FOLDER: str(place.calls)},
        )
        output = place.folder / f"{name}.out"
        return Process([sys.executable, *arguments], env=env, output=output, cwd=ROOT)
