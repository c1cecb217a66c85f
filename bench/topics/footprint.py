"""Footprint: what the whole stack costs while it has nothing to do, and how soon a command starts."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import ClassVar

import psutil

from bench.cpu import Reading, kind_of, of_trees
from bench.line import Line, Measured
from bench.served import OURS, served
from bench.servers import KINDS, Database, environment_on, own_environment
from bench.sizes import Sizes
from bench.topic import Outcome, RoundFailed, Topic
from tests.support.processes import ROOT, Process, free_port, wait_until

CLI = "cli"
# All commands assembled, as `taskctl --help` needs them.
_TIMED = (
    "import time; began = time.perf_counter(); import app.cli.root; "
    "print(time.perf_counter() - began)"
)
IMPORTS = 5
START_SECONDS = 60
# The programs that `make up` starts beside the API.
_PROGRAMS = {
    "worker": ["-m", "scripts.celery_worker"],
    "beat": ["-m", "scripts.celery_beat"],
    "flower": ["-m", "celery", "-A", "app.celery_app.celery_app", "flower"],
}


class Footprint(Topic):
    """One start for each database; what would be rounds are readings, one after another.

    The broker is the same for both, so what it uses is counted for each.
    """

    name: ClassVar[str] = "footprint"
    _readings: dict[str, list[Measured]]

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        idle = [
            Line(
                key=f"footprint.idle.{kind}", meaning="idle stack, percent of one core",
                measure="core_percent", pairs=[(f"stack-{kind}", None)], target=2.0, at_most=True,
            )
            for kind in KINDS
        ]  # fmt: skip
        cli = Line(
            key="footprint.cli", meaning="import of the command line", measure="import_ms",
            pairs=[(CLI, None)], target=300, at_most=True,
        )  # fmt: skip
        return [*idle, cli]

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        parts = "API, worker, beat, Flower, broker"
        stacks = {"sqlite": parts, "postgresql": f"{parts}, PostgreSQL"}
        return {**{f"stack-{kind}": f"{stacks[kind]}, idle" for kind in KINDS}, CLI: "taskctl"}

    def prepare(self) -> None:
        self._readings = {}

    def round(self, number: int) -> Iterator[Outcome]:
        kinds = [kind for kind in KINDS if self.wants(f"stack-{kind}")]
        if number == 1 and kinds:
            self._read(kinds)
        for kind in kinds:
            yield self._readings[kind][number - 1]
        if self.wants(CLI):
            yield Measured(CLI, {"import_ms": round(1000 * _import_seconds(self.around.folder), 1)})

    def _read(self, kinds: Sequence[str]) -> None:
        """Both stacks at the same time: neither has anything to do."""
        with contextlib.ExitStack() as stack:
            stacks = {}
            for kind in kinds:
                database = self.servers.new_database(kind, f"footprint-{kind}")
                folder = self.around.place(f"footprint-{kind}")
                stacks[kind] = stack.enter_context(self._stack(database, folder))
                self._readings[kind] = []
            time.sleep(self.sizes.settle_seconds)
            for _ in range(self.sizes.rounds):
                with contextlib.ExitStack() as watched:
                    for kind, roots in stacks.items():
                        watched.enter_context(self.around.watched(f"stack-{kind}", roots))
                    before = {kind: Reading.take(roots) for kind, roots in stacks.items()}
                    began = time.monotonic()
                    time.sleep(self.sizes.idle_seconds)
                    share = 100 / (time.monotonic() - began)
                    used = {
                        kind: Reading.take(roots).since(before[kind])
                        for kind, roots in stacks.items()
                    }
                for kind, roots in stacks.items():
                    percent = {each: share * seconds for each, seconds in used[kind].items()}
                    self._readings[kind].append(_reading(kind, roots, percent))

    @contextlib.contextmanager
    def _stack(self, database: Database, folder: Path) -> Iterator[list[int]]:
        env = environment_on(self.servers, database, FLOWER_PORT=str(free_port()))
        processes: list[Process] = []
        with served(OURS, env, database.tokens.admin, folder / "api.out") as api:
            try:
                for name, arguments in _PROGRAMS.items():
                    output = folder / f"{name}.out"
                    processes.append(Process([sys.executable, *arguments], env=env, output=output))
                roots = [api.process.pid, *(each.pid for each in processes)]
                wait_until(
                    lambda: _complete(roots), timeout=START_SECONDS, what="the stack is complete"
                )
                yield [*roots, *self.servers.pids(database.kind)]
                if ended := [each for each in processes if not each.alive]:
                    raise RoundFailed(f"{ended[0].command} ended:\n{ended[0].tail(15)}")
            except AssertionError as error:
                tails = "\n".join(process.tail(15) for process in processes)
                raise RoundFailed(f"{error}\n{tails}") from error
            finally:
                for process in reversed(processes):
                    process.stop()


def _reading(kind: str, roots: list[int], percent: Mapping[str, float]) -> Measured:
    shares = {f"{each}_percent": round(value, 2) for each, value in percent.items()}
    sizes = {f"{each}_mb": round(size, 1) for each, size in _memory(roots).items()}
    core = round(sum(percent.values()), 2)
    return Measured(f"stack-{kind}", {"core_percent": core, **shares, **sizes})


def _complete(roots: list[int]) -> bool:
    return {"api", "agent", "children", "beat", "flower"} <= set(of_trees(roots))


def _memory(roots: list[int]) -> dict[str, float]:
    """Megabytes of the largest process of each kind; pages that several share count in part."""
    found: dict[str, float] = {}
    for root in roots:
        parent = psutil.Process(root)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                full = process.memory_full_info()
                kind = kind_of(process)
            except psutil.Error:
                continue
            size = getattr(full, "pss", full.rss) / 1e6
            found[kind] = max(size, found.get(kind, 0.0))
    return found


def _import_seconds(folder: Path) -> float:
    taken = []
    for _ in range(IMPORTS):
        done = subprocess.run(
            [sys.executable, "-c", _TIMED],
            env=own_environment(folder), cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        taken.append(float(done.stdout))
    return median(taken)
