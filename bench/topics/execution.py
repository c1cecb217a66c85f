"""Execution with a backlog: slices, one row a message, mixed load, burst lane, several parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from app.core.config import Settings
from app.services.catalogue import TaskInfo
from app.worker.task import TrackedTask
from bench import stamps
from bench.drain import MOST_STAMPS, Running, started
from bench.line import Absent, Line, Measured, percentile
from bench.servers import KINDS, Database, Servers
from bench.sizes import Sizes
from bench.systems import (
    BURST,
    MIXED,
    MIXED_SINGLE,
    SINGLE,
    SLICED,
    BareCelery,
    System,
    Tracked,
)
from bench.topic import Outcome, RoundFailed, Surroundings, Topic

# One in so many tasks of the mixed load is slow.
SLOW_EVERY = 100


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is given, after it has been warmed up with a little of the same.

    `why_not` says that this version lacks what it is about. `flower`: Flower is started before it,
    and watches whatever comes after.
    """

    key: str
    title: str
    function: str
    why_not: str = ""
    flower: bool = False


@dataclass(frozen=True, slots=True)
class Crew:
    """A worker and its jobs."""

    key: str
    make: Callable[[Servers, Database], System]
    jobs: Sequence[Job]


def burst_is_missing() -> str:
    """Empty, or that there is no burst lane."""
    known = "burst" in {each.name for each in fields(TaskInfo)} or hasattr(TrackedTask, "burst")
    return "" if known else "this version has no burst lane (burst=True)"


def parents_are_missing() -> str:
    """Empty, or that a worker is one Celery main process."""
    known = "worker_processes" in Settings.model_fields
    return "" if known else "this version starts one Celery main process (no WORKER_PROCESSES)"


def crews() -> list[Crew]:
    """In the order of a round."""
    found = [
        Crew("B", _bare, [Job("B", "Celery, results ignored", SLICED)]),
        Crew("C", _watched, [Job("C", "Celery, results, events, Flower", SLICED)]),
    ]
    for kind in KINDS:
        lane, several = burst_is_missing(), parents_are_missing()
        jobs = [
            Job(f"A-{kind}", f"tracked, {kind}", SLICED),
            Job(f"A1-{kind}", f"tracked, {kind}, one row a message", SINGLE),
            Job(f"M-{kind}", f"tracked, {kind}, mixed load", MIXED),
            Job(f"M1-{kind}", f"tracked, {kind}, mixed load, one row a message", MIXED_SINGLE),
            Job(f"burst-{kind}", f"tracked, {kind}, burst lane", BURST, lane),
            Job(f"D-{kind}", f"tracked, {kind}, Flower", SLICED, flower=True),
        ]
        default = [Job(f"N-{kind}", f"tracked, {kind}, worker at its default", SLICED, several)]
        found += [
            Crew(f"A-{kind}", _ours, jobs),
            Crew(f"N-{kind}", _ours_by_itself, default),
        ]
    return found


def _ours(servers: Servers, database: Database) -> System:
    return Tracked(servers, database)


def _ours_by_itself(servers: Servers, database: Database) -> System:
    return Tracked(servers, database, one_parent=False)


def _bare(servers: Servers, database: Database) -> System:
    return BareCelery(servers, watched=False)


def _watched(servers: Servers, database: Database) -> System:
    return BareCelery(servers, watched=True)


class Execution(Topic):
    """Workers, started anew in each round, each drained as often as it has jobs."""

    name: ClassVar[str] = "execution"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._databases: dict[str, Database] = {}
        self._drains = 0

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [line for kind in KINDS for line in _lines(kind)]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        return {job.key: job.title for crew in crews() for job in crew.jobs}

    def prepare(self) -> None:
        for kind in KINDS:
            self._databases[kind] = self.servers.new_database(kind, f"execution-{kind}")

    def round(self, number: int) -> Iterator[Outcome]:
        for crew in crews():
            wanted = [job for job in crew.jobs if self.wants(job.key)]
            yield from (Absent(job.key, job.why_not) for job in wanted if job.why_not)
            jobs = [job for job in wanted if not job.why_not]
            try:
                if jobs:
                    yield from self._run(crew, jobs, number)
            except RoundFailed as error:
                yield from (Absent(job.key, str(error), failed=True) for job in jobs)

    def _run(self, crew: Crew, jobs: Sequence[Job], number: int) -> Iterator[Outcome]:
        kind = crew.key.rsplit("-", 1)[-1]
        database = self._databases.get(kind, self._databases["sqlite"])
        system = crew.make(self.servers, database)
        with started(system, self.around.place(f"execution-{number}-{crew.key}")) as running:
            for job in jobs:
                label = f"{number}-{job.key}"
                if job.flower:
                    running.watch()
                if job.function in (MIXED, MIXED_SINGLE):
                    yield self._mix(running, job, label)
                else:
                    yield self._drain(running, job, label)

    def _drain(self, running: Running, job: Job, label: str) -> Measured:
        running.drain(job.function, self.sizes.warm, f"warm-{label}")
        count = self.sizes.burst if job.function == BURST else self.sizes.drained
        with self.around.watched(job.key, running.roots):
            drained = running.drain(job.function, count, label)
        return Measured(job.key, drained.values, drained.parts)

    def _mix(self, running: Running, job: Job, label: str) -> Measured:
        slow = self.sizes.slow_seconds

        def arguments(number: int) -> list[int | float]:
            return [number, slow if _is_slow(number) else 0.0]

        stamps.make(running.place.stamps, MOST_STAMPS)
        count = self.sizes.mixed
        drained = running.drain(job.function, count, label, arguments)
        began = stamps.read(running.place.stamps)[:count]
        start = min(began)
        waits = [at - start for n, at in enumerate(began) if not _is_slow(n)]
        values = {
            "p50_wait_ms": round(1000 * percentile(waits, 0.5), 1),
            "p99_wait_ms": round(1000 * percentile(waits, 0.99), 1),
            "others": round(drained.foreign, 3),
        }
        return Measured(job.key, values)


def _is_slow(number: int) -> bool:
    return number % SLOW_EVERY == SLOW_EVERY // 2


def _lines(kind: str) -> list[Line]:
    def line(
        name: str, meaning: str, system: str, other: str | None, target: float,
        measure: str = "tasks_per_second", *, at_most: bool = False,
    ) -> Line:  # fmt: skip
        return Line(
            key=f"execution.{name}.{kind}", meaning=meaning, measure=measure,
            pairs=[(system, other)], target=target, at_most=at_most,
        )  # fmt: skip

    ours = f"A-{kind}"
    cpu, wait = "cpu_ms_per_task", "p99_wait_ms"
    return [
        line("slices", "slices / Celery, results ignored", ours, "B", 1.3),
        line(
            "cpu", "processor time of slices / Celery, results ignored", ours, "B", 0.8,
            cpu, at_most=True,
        ),
        line("watched", "slices / Celery, results, events, Flower", ours, "C", 2.2),
        line("flower", "slices with Flower / Celery, results, events, Flower", f"D-{kind}", "C", 1.2),
        line("single", "one row a message / Celery, results ignored", f"A1-{kind}", "B", 0.65),
        line(
            "mixed", "1 % slow tasks: wait of the short ones in slices / one row a message",
            f"M-{kind}", f"M1-{kind}", 2.0, wait, at_most=True,
        ),
        line("parents", "worker at its default / one worker -c 2", f"N-{kind}", ours, 1.4),
        line("burst", "burst lane, tracked tasks a second", f"burst-{kind}", None, 20_000),
    ]  # fmt: skip
