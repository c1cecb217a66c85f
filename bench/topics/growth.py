"""Growth: whether a task costs the same however many wait, and what retention does to readers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, cast

import redis

from bench.drain import STUCK_SECONDS, Running, started
from bench.line import Absent, Line, Measured
from bench.rows import Store
from bench.servers import KINDS, Database
from bench.sizes import Sizes
from bench.systems import SLICED, Tracked
from bench.topic import Outcome, RoundFailed, Surroundings, Topic

LABEL = "growth"
LOOK_SECONDS = 0.05


class Growth(Topic):
    """A backlog of each size in a database of its own, each with a worker of its own.

    Both are started once. By turns the same part of each backlog is run; meanwhile the others'
    workers have nothing to do.
    """

    name: ClassVar[str] = "growth"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._measured: dict[str, list[Outcome]] = {}
        self._done: dict[str, int] = {}

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [line for kind in KINDS for line in _lines(kind, sizes)]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {
            _key(kind, size): f"tracked, {kind}, {size} tasks wait"
            for kind in KINDS
            for size in sizes.backlogs
        }

    def round(self, number: int) -> Iterator[Outcome]:
        for kind in KINDS:
            sizes = [size for size in self.sizes.backlogs if self.wants(_key(kind, size))]
            if sizes and number == 1:
                try:
                    self._measure_all(kind, sizes)
                except RoundFailed as error:
                    yield from (Absent(_key(kind, n), str(error), failed=True) for n in sizes)
            for size in sizes:
                yield from self._measured.get(_key(kind, size), [])[number - 1 : number]

    def _measure_all(self, kind: str, sizes: Sequence[int]) -> None:
        systems = {size: self._filled(kind, size) for size in sizes}
        broker = redis.Redis.from_url(self.servers.broker.url)
        broker.flushall()
        with contextlib.ExitStack() as stack:
            crews = {
                size: stack.enter_context(started(system, self.around.place(_key(kind, size))))
                for size, system in systems.items()
            }
            for _ in range(self.sizes.rounds):
                for size, running in crews.items():
                    measured = self._measure(_key(kind, size), size, running, broker)
                    self._measured.setdefault(measured.system, []).append(measured)

    def _filled(self, kind: str, size: int) -> Tracked:
        key = _key(kind, size)
        system = Tracked(self.servers, self.servers.new_database(kind, key))
        self._fill_up(system, size)
        return system

    def _measure(self, key: str, size: int, running: Running, broker: redis.Redis) -> Measured:
        system = cast("Tracked", running.system)
        self._fill_up(system, size)
        with self.around.watched(key, running.roots):
            drained = running.take(self.sizes.warm, self.sizes.grown)
        held = float(broker.info("memory")["used_memory"])
        system.backlog.pause()
        self._prove(running, system, key)
        return Measured(key, {**drained.values, "broker_mb": round(held / 1e6, 3)}, drained.parts)

    def _fill_up(self, system: Tracked, size: int) -> None:
        """As many that wait that `size` of them are left when the others have been measured."""
        waiting = system.backlog.waiting(LABEL)
        wanted = size + self.sizes.warm + self.sizes.grown
        if waiting < wanted:
            system.fill(SLICED, wanted - waiting, LABEL)
            system.backlog.name()
            if waiting == 0:
                _settle_statistics(system.database)

    def _prove(self, running: Running, system: Tracked, key: str) -> None:
        """What was called has succeeded, once each, and nothing else has."""
        deadline = time.monotonic() + STUCK_SECONDS
        before = self._done.get(key, 0)
        while system.backlog.running() or running.called != (
            done := system.backlog.succeeded(LABEL) - before
        ):  # both end soon: the queue is paused
            if time.monotonic() > deadline:
                raise running.failed(f"{key}: {running.called} calls, {done} tasks succeeded")
            time.sleep(LOOK_SECONDS)
        self._done[key] = before + done


def _settle_statistics(database: Database) -> None:
    """What autovacuum would do within the next minutes, so that it does not do it meanwhile."""
    Store(database.url).execute("ANALYZE" if database.kind == "sqlite" else "VACUUM ANALYZE tasks")


def _key(kind: str, size: int) -> str:
    return f"backlog-{kind}-{size}"


def _lines(kind: str, sizes: Sizes) -> list[Line]:
    few, *more = sizes.backlogs
    pairs = [(_key(kind, size), _key(kind, few)) for size in more]
    return [
        Line(
            key=f"growth.{name}.{kind}", meaning=meaning.format(few), measure=measure, pairs=pairs,
            target=1.3, at_most=True,
        )
        for name, meaning, measure in (
            ("cost", "processor time of a task / that with {} waiting", "cpu_ms_per_task"),
            ("broker", "the broker's memory / that with {} waiting", "broker_mb"),
        )
    ]  # fmt: skip
