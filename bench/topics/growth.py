"""Growth: whether a task costs the same however many wait, and what retention does to readers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

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
    """A backlog of each size in a database of its own, of which each round runs the same part."""

    name: ClassVar[str] = "growth"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._systems: dict[str, Tracked] = {}
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
            for size in self.sizes.backlogs:
                key = _key(kind, size)
                if self.wants(key):
                    try:
                        yield self._measure(kind, size, number)
                    except RoundFailed as error:
                        yield Absent(key, str(error), failed=True)

    def _measure(self, kind: str, size: int, number: int) -> Measured:
        key = _key(kind, size)
        system = self._systems.get(key)
        if system is None:
            database = self.servers.new_database(kind, key)
            system = self._systems[key] = Tracked(self.servers, database)
        self._fill_up(system, key, size)
        broker = redis.Redis.from_url(self.servers.broker.url)
        broker.flushall()
        with started(system, self.around.place(f"{key}-{number}")) as running:
            drained = running.take(self.sizes.warm, self.sizes.grown)
            held = float(broker.info("memory")["used_memory"])
            system.backlog.pause()
            self._prove(running, system, key)
        values = {**drained.values, "broker_mb": round(held / 1e6, 3)}
        return Measured(key, values, drained.parts)

    def _fill_up(self, system: Tracked, key: str, size: int) -> None:
        """As many that wait that `size` of them are left when the others have been measured."""
        waiting = system.backlog.waiting(LABEL)
        wanted = size + self.sizes.warm + self.sizes.grown
        if waiting < wanted:
            system.fill(SLICED, wanted - waiting, LABEL)
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
