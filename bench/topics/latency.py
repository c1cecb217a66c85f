"""Latency on an idle system: from the answer of a submission to the first line of the task."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench import stamps
from bench.cpu import Reading
from bench.drain import Running, started
from bench.line import Line, Measured, percentile
from bench.served import OURS, TASKS, served
from bench.servers import KINDS, Database, Servers, environment_on
from bench.sizes import Sizes
from bench.systems import BareCelery, Tracked
from bench.topic import Outcome, RoundFailed, Surroundings, Topic

FUNCTION = "bench.tasks.stamp"
# Long enough that each submission finds everything idle; not in step with any tick.
PAUSE_SECONDS = 0.11
PATIENCE_SECONDS = 10
WARM_SUBMISSIONS = 3
BARE = "idle-celery"


@dataclass(frozen=True, slots=True)
class Idle:
    """A system that has been started, and how something is submitted to it."""

    running: Running
    submit: Callable[[int], Any]
    others: Sequence[int] = ()


class Latency(Topic):
    """One submission at a time.

    All systems are started once, and by turns each is submitted to as often as there are rounds.
    """

    name: ClassVar[str] = "latency"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._measured: list[list[Measured]] = []

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        return [
            Line(
                key=f"latency.start.{kind}",
                meaning="idle, from the answer to the first line of the task / Celery",
                measure="p50_ms", pairs=[(f"idle-{kind}", BARE)], target=3.0, at_most=True,
            )
            for kind in KINDS
        ]  # fmt: skip

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        ours = {f"idle-{kind}": f"our API and worker, {kind}, idle" for kind in KINDS}
        return {BARE: "Celery, delay() and a worker, idle", **ours}

    def round(self, number: int) -> Iterator[Outcome]:
        if number == 1:
            self._measure_all()
        yield from self._measured[number - 1]

    def _measure_all(self) -> None:
        folder = self.around.place("latency")
        starts = {BARE: _bare(self.servers, folder)}
        for kind in KINDS:
            if self.wants(f"idle-{kind}"):
                database = self.servers.new_database(kind, f"latency-{kind}")
                starts[f"idle-{kind}"] = _ours(self.servers, database, folder)
        with contextlib.ExitStack() as stack:
            idle = {name: stack.enter_context(start) for name, start in starts.items()}
            for number in range(self.sizes.rounds):
                of_round = [self._measure(name, each, number) for name, each in idle.items()]
                self._measured.append(of_round)

    def _measure(self, name: str, idle: Idle, number: int) -> Measured:
        path = idle.running.place.stamps
        roots = [*idle.running.roots, *idle.others]
        begun, answered = [], []
        count = self.sizes.submissions + WARM_SUBMISSIONS
        first = number * count
        with self.around.watched(name, roots):
            before = Reading.take(roots)
            for each in range(first, first + count):
                time.sleep(PAUSE_SECONDS)
                begun.append(time.monotonic())
                idle.submit(each)
                answered.append(time.monotonic())
            used = Reading.take(roots).since(before)
        ran = _ran(path, first, count, name)
        after = [1000 * (ran[n] - answered[n]) for n in range(WARM_SUBMISSIONS, count)]
        whole = [1000 * (ran[n] - begun[n]) for n in range(WARM_SUBMISSIONS, count)]
        values = {
            "p50_ms": round(percentile(after, 0.5), 3),
            "p95_ms": round(percentile(after, 0.95), 3),
            "from_call_p50_ms": round(percentile(whole, 0.5), 3),
        }
        return Measured(name, values, {kind: 1000 * each / count for kind, each in used.items()})


@contextmanager
def _bare(servers: Servers, folder: Path) -> Iterator[Idle]:
    system = BareCelery(servers, watched=False)
    with started(system, folder / "bare") as running:
        yield Idle(running, lambda number: system.submit(FUNCTION, number))


@contextmanager
def _ours(servers: Servers, database: Database, folder: Path) -> Iterator[Idle]:
    kind = database.kind
    system = Tracked(servers, database, one_parent=False)
    env = environment_on(servers, database)
    with (
        started(system, folder / kind) as running,
        served(OURS, env, database.tokens.user, folder / f"{kind}.out") as api,
    ):

        def submit(number: int) -> None:
            body = {
                "name": "one", "task_type": "latency", "celery_task_name": FUNCTION,
                "args": [number],
            }  # fmt: skip
            status, answer, _ = api.ask("POST", TASKS, body)
            if status != 201:
                raise RoundFailed(f"a submission was answered {status}: {answer[:300]!r}")

        yield Idle(running, submit, [api.process.pid])


def _ran(path: Path, first: int, count: int, name: str) -> list[float]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(ran := stamps.read(path)[first : first + count]):
        if time.monotonic() > deadline:
            raise RoundFailed(f"{name}: {ran.count(0.0)} of {count} tasks never ran")
        time.sleep(0.05)
    return ran
