"""Latency on an idle system: from the answer of a submission to the first line of the task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench import stamps
from bench.cpu import Reading
from bench.drain import MOST_STAMPS, Running, started
from bench.line import Line, Measured, percentile
from bench.served import OURS, TASKS, served
from bench.servers import KINDS, Database, environment_on
from bench.sizes import Sizes
from bench.systems import BareCelery, Tracked
from bench.topic import Outcome, RoundFailed, Surroundings, Topic

FUNCTION = "bench.tasks.stamp"
# Long enough that each submission finds everything idle; not in step with any tick.
PAUSE_SECONDS = 0.11
PATIENCE_SECONDS = 10
WARM_SUBMISSIONS = 3
BARE = "idle-celery"


class Latency(Topic):
    """One submission at a time."""

    name: ClassVar[str] = "latency"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._databases: dict[str, Database] = {}

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

    def prepare(self) -> None:
        for kind in KINDS:
            self._databases[kind] = self.servers.new_database(kind, f"latency-{kind}")

    def round(self, number: int) -> Iterator[Outcome]:
        folder = self.around.place(f"latency-{number}")
        if self.wants(BARE):
            yield self._bare(folder)
        for kind, database in self._databases.items():
            if self.wants(f"idle-{kind}"):
                yield self._ours(database, folder)

    def _bare(self, folder: Path) -> Measured:
        system = BareCelery(self.servers, watched=False)
        with started(system, folder / "bare") as running:
            return self._measure(BARE, running, lambda n: system.submit(FUNCTION, n))

    def _ours(self, database: Database, folder: Path) -> Measured:
        kind = database.kind
        system = Tracked(self.servers, database, one_parent=False)
        env = environment_on(self.servers, database)
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

            return self._measure(f"idle-{kind}", running, submit, api.process.pid)

    def _measure(
        self, name: str, running: Running, submit: Callable[[int], Any], *others: int
    ) -> Measured:
        place, roots = running.place, [*running.roots, *others]
        stamps.make(place.stamps, MOST_STAMPS)
        begun, answered = [], []
        count = self.sizes.submissions + WARM_SUBMISSIONS
        with self.around.watched(name, roots):
            before = Reading.take(roots)
            for number in range(count):
                time.sleep(PAUSE_SECONDS)
                begun.append(time.monotonic())
                submit(number)
                answered.append(time.monotonic())
            used = Reading.take(roots).since(before)
        ran = self._ran(place.stamps, count, name)
        after = [1000 * (ran[n] - answered[n]) for n in range(WARM_SUBMISSIONS, count)]
        whole = [1000 * (ran[n] - begun[n]) for n in range(WARM_SUBMISSIONS, count)]
        values = {
            "p50_ms": round(percentile(after, 0.5), 3),
            "p95_ms": round(percentile(after, 0.95), 3),
            "from_call_p50_ms": round(percentile(whole, 0.5), 3),
        }
        return Measured(name, values, {kind: 1000 * each / count for kind, each in used.items()})

    def _ran(self, path: Path, count: int, name: str) -> list[float]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(ran := stamps.read(path)[:count]):
            if time.monotonic() > deadline:
                raise RoundFailed(f"{name}: {ran.count(0.0)} of {count} tasks never ran")
            time.sleep(0.05)
        return ran
