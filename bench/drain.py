"""Draining a backlog: start a worker, and, as often as wanted, fill, release, measure, judge."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import calls, stamps
from bench.cpu import Reading, own_seconds
from bench.systems import Arguments, Drainable, Place, System
from bench.topic import RoundFailed
from tests.support.processes import Process, wait_until

POLL_SECONDS = 0.005
START_SECONDS = 40
# A round in which nothing moves for this long has failed.
STUCK_SECONDS = 30
# Settlements, notices and acknowledgements of the last tasks still belong to the round.
REST_SECONDS = 0.1
MOST_STAMPS = 100_000
# Flower counts events about tasks; of a worker it says whether it has heard it lately.
SUCCEEDED = re.compile(r'^flower_events_total\{.*type="task-succeeded".*\} (\S+)$', re.MULTILINE)
ONLINE = re.compile(r"^flower_worker_online\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain. `foreign` is the share of the machine that others used meanwhile."""

    tasks: int
    tasks_per_second: float
    cpu_ms_per_task: float
    parts: dict[str, float]
    foreign: float

    @property
    def values(self) -> dict[str, float]:
        """As measures of a system."""
        return {
            "tasks_per_second": round(self.tasks_per_second, 1),
            "cpu_ms_per_task": round(self.cpu_ms_per_task, 4),
            "others": round(self.foreign, 3),
        }


@dataclass(slots=True)
class Running:
    """A worker that has been started, and what belongs to it."""

    system: Drainable
    place: Place
    processes: list[Process]
    _drains: int = field(default=0)

    @property
    def roots(self) -> list[int]:
        """The processes whose trees are the system."""
        return [*(process.pid for process in self.processes), *self.system.server_pids()]

    def watch(self) -> None:
        """Have Flower watch a worker of Celery's from now on. Raises `RoundFailed`."""
        system = self.system
        assert isinstance(system, System), "Flower shows Celery's workers"
        system.flower = True
        try:
            self.processes.append(system.start_flower(self.place))
            _wait_for_flower(system, self.place)
        except AssertionError as error:
            raise self.failed(str(error)) from error

    def drain(
        self, function: str, count: int, label: str, arguments: Arguments | None = None
    ) -> Drained:
        """Run a backlog of `count` tasks.

        Raises `RoundFailed`, also when not every task ran and succeeded exactly once.
        """
        self.system.fill(function, count, label, arguments)
        self._begin()
        try:
            drained = self._measure(1, count, self._until_settled)
            counted = self._calls().count
            assert counted == count, f"{count} tasks were called {counted} times"
            assert self.system.proves(count, label), "not every task succeeded at once"
        except AssertionError as error:
            raise self.failed(f"{label}: {error}") from error
        return drained

    def take(self, warm: int, count: int) -> Drained:
        """Run `count` tasks, after `warm` that are not measured, of a backlog that is there.

        The rest is held back afterwards. Raises `RoundFailed`.
        """
        self._begin()
        try:
            return self._measure(max(1, warm), warm + count, lambda: 0.0)
        except AssertionError as error:
            raise self.failed(str(error)) from error

    @property
    def called(self) -> int:
        """Calls since the last drain began."""
        return self._calls().count

    def failed(self, text: str) -> RoundFailed:
        """The error, with what the processes printed last."""
        tails = "\n".join(process.tail(15) for process in self.processes)
        return RoundFailed(f"{text}\n{tails}")

    def _begin(self) -> None:
        self._drains += 1
        calls.begin(self.place.calls, self._drains)

    def _measure(self, first: int, count: int, settle: Callable[[], float]) -> Drained:
        heard = self._heard()
        self.system.release()
        self._until(lambda now: now.count >= first)
        at_first, before, mine = self._calls(), Reading.take(self.roots), own_seconds()
        end = self._until(lambda now: now.count >= count)
        if self.system.flower:
            wait_until(
                lambda: self._heard() >= heard + count,
                timeout=START_SECONDS, what="Flower has heard of every task", every=0.25,
            )  # fmt: skip
        later = settle()
        after = Reading.take(self.roots)
        used = after.since(before)
        if later:
            used["agent"] = used.get("agent", 0.0) + later
        start = at_first.first if first == 1 else at_first.last
        elapsed = max(end.last - start, 1e-9)
        machine = (time.monotonic() - start) * (psutil.cpu_count() or 1)
        done = end.count - at_first.count
        assert done, "all tasks had run at the first look: too few to measure"
        return Drained(
            tasks=done,
            tasks_per_second=(end.count - 1 if first == 1 else done) / elapsed,
            cpu_ms_per_task=1000 * sum(used.values()) / done,
            parts={kind: 1000 * seconds / done for kind, seconds in used.items()},
            foreign=after.foreign_since(before, own_seconds() - mine) / machine,
        )

    def _until_settled(self) -> float:
        """Wait until nothing runs; CPU seconds of work that the agent has been spared."""
        deadline = time.monotonic() + STUCK_SECONDS
        while self.system.left():
            assert time.monotonic() < deadline, "not every task was settled"
            time.sleep(POLL_SECONDS)
        time.sleep(REST_SECONDS)
        return self.system.settle()

    def _until(self, reached: Callable[[calls.Calls], bool]) -> calls.Calls:
        """Wait for a count. `AssertionError` when it stops moving or a process has ended."""
        now, moved = self._calls(), time.monotonic()
        while not reached(now):
            time.sleep(POLL_SECONDS)
            seen = now.count
            now = self._calls()
            if now.count != seen:
                moved = time.monotonic()
            for process in self.processes:
                assert process.alive, f"{process.command[-1]} ended by itself"
            if time.monotonic() - moved > STUCK_SECONDS:
                raise AssertionError(f"nothing moved for {STUCK_SECONDS} s after {now.count} tasks")
        return now

    def _calls(self) -> calls.Calls:
        return calls.read(self.place.calls)

    def _heard(self) -> int:
        return _flower(self.place, SUCCEEDED) if self.system.flower else 0


@contextmanager
def started(system: System, folder: Path) -> Iterator[Running]:
    """A worker, and Flower where it belongs to the system, that answer. Raises `RoundFailed`."""
    place = Place.new(folder)
    stamps.make(place.stamps, MOST_STAMPS)
    processes: list[Process] = []
    try:
        processes.append(system.start_worker(place))
        _wait_for_workers(system)
        if system.flower:
            processes.append(system.start_flower(place))
            _wait_for_flower(system, place)
        yield Running(system, place, processes)
    except AssertionError as error:
        tails = "\n".join(process.tail(15) for process in processes)
        raise RoundFailed(f"{error}\n{tails}") from error
    finally:
        for process in reversed(processes):
            process.stop()


def _wait_for_flower(system: System, place: Place) -> None:
    wait_until(
        lambda: _flower(place, ONLINE), timeout=START_SECONDS,
        what="Flower hears the worker", every=0.3,
    )  # fmt: skip
    # Flower asks workers for the events of tasks every 5 s; the round is not to begin before.
    system.probe().control.broadcast("enable_events", reply=True, timeout=1)


def _wait_for_workers(system: System) -> None:
    """Until the worker answers, and, where it is several main processes, no more come."""
    answered = 0

    def as_many_as_before() -> bool:
        nonlocal answered
        before, answered = answered, len(system.probe().control.ping(timeout=0.5) or ())
        return 0 < before == answered

    wait_until(as_many_as_before, timeout=START_SECONDS, what="the worker answers")


def _flower(place: Place, metric: re.Pattern[str]) -> int:
    """What Flower says of a metric, over all workers; 0 while it does not answer."""
    try:
        url = f"http://127.0.0.1:{place.flower_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    return sum(int(float(value)) for value in metric.findall(text))
