"""One round: fill, start, release, measure, stop, judge."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import calls
from bench.cpu import Reading
from bench.systems import Place, System
from tests.support.processes import Process, wait_until

POLL_SECONDS = 0.005
START_SECONDS = 40
# A round in which nothing moves for this long has failed.
STUCK_SECONDS = 30
# Settlements, notices and acknowledgements of the last tasks still belong to the round.
REST_SECONDS = 0.1
# Flower counts events about tasks; of a worker it says whether it has heard it lately.
_SUCCEEDED = re.compile(r'^flower_events_total\{.*type="task-succeeded".*\} (\S+)$', re.MULTILINE)
_ONLINE = re.compile(r"^flower_worker_online\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Measured:
    """A round of one system. `foreign` is the share of the machine that others used."""

    system: str
    tasks: int
    seconds: float
    tasks_per_second: float
    cpu_ms_per_task: float
    cpu_seconds: dict[str, float]
    foreign: float
    halves: tuple[float, float]


class RoundFailed(Exception):
    """A system did not do what it was given to do; the message says what is missing."""


def run_round(system: System, count: int, label: str, folder: Path) -> Measured:
    """Drain `count` tasks with a fresh worker. Raises `RoundFailed`."""
    place = Place.new(folder)
    system.fill(count, label)
    processes: list[Process] = []
    try:
        processes.append(system.start_worker(place))
        wait_until(lambda: _pings(system), timeout=START_SECONDS, what="the worker answers")
        if system.flower:
            processes.append(system.start_flower(place))
            _wait_for_flower(system, place)
        measured = _drain(system, count, label, place, processes)
    except AssertionError as error:
        tails = "\n".join(process.tail(15) for process in processes)
        raise RoundFailed(f"{system.key}: {error}\n{tails}") from error
    finally:
        for process in reversed(processes):
            process.stop()
    if calls.read(place.calls).count != count or not system.proves(count, label):
        raise RoundFailed(f"{system.key}: not every task ran and succeeded exactly once")
    return measured


def _wait_for_flower(system: System, place: Place) -> None:
    wait_until(
        lambda: _flower(place, _ONLINE), timeout=START_SECONDS,
        what="Flower hears the worker", every=0.3,
    )  # fmt: skip
    # Flower asks workers for the events of tasks every 5 s; the round is not to begin before.
    system.probe().control.broadcast("enable_events", reply=True, timeout=1)


def _drain(
    system: System, count: int, label: str, place: Place, processes: list[Process]
) -> Measured:
    pids = [process.pid for process in processes]
    roots = [*pids, system.servers.broker.pid, *system.extra_pids()]
    own = psutil.Process()

    def bench_seconds() -> float:
        times = own.cpu_times()
        return float(times.user + times.system)

    time.sleep(0.5)  # what starting has stirred up settles
    system.release()
    _until(place, processes, lambda now: now.count > 0)
    at_first, before, mine = calls.read(place.calls), Reading.take(roots), bench_seconds()
    half = _until(place, processes, lambda now: now.count >= count // 2)
    end = _until(place, processes, lambda now: now.count >= count)
    while system.left(label):
        time.sleep(POLL_SECONDS)
    if system.flower:
        wait_until(
            lambda: _flower(place, _SUCCEEDED) >= count,
            timeout=START_SECONDS, what="Flower has heard of every task", every=0.25,
        )  # fmt: skip
    time.sleep(REST_SECONDS)
    after = Reading.take(roots)
    used = after.since(before)
    elapsed = end.last - end.first
    machine = (time.monotonic() - at_first.first) * (psutil.cpu_count() or 1)
    return Measured(
        system=system.key,
        tasks=count,
        seconds=round(elapsed, 3),
        tasks_per_second=round((count - 1) / elapsed, 1),
        cpu_ms_per_task=round(1000 * sum(used.values()) / (count - at_first.count), 4),
        cpu_seconds=used,
        foreign=round(after.foreign_since(before, bench_seconds() - mine) / machine, 3),
        halves=(
            round(half.count / (half.last - half.first), 1),
            round((count - half.count) / max(end.last - half.last, 1e-9), 1),
        ),
    )


def _until(
    place: Place, processes: list[Process], reached: Callable[[calls.Calls], bool]
) -> calls.Calls:
    """Wait for a count. `AssertionError` when it stops moving or a process has ended."""
    now, moved = calls.read(place.calls), time.monotonic()
    while not reached(now):
        time.sleep(POLL_SECONDS)
        seen = now.count
        now = calls.read(place.calls)
        if now.count != seen:
            moved = time.monotonic()
        for process in processes:
            assert process.alive, f"{process.command[-1]} ended by itself"
        if time.monotonic() - moved > STUCK_SECONDS:
            raise AssertionError(f"nothing moved for {STUCK_SECONDS} s after {now.count} tasks")
    return now


def _pings(system: System) -> bool:
    return bool(system.probe().control.ping(timeout=0.5))


def _flower(place: Place, metric: re.Pattern[str]) -> int:
    """What Flower says of a metric, over all workers; 0 while it does not answer."""
    try:
        url = f"http://127.0.0.1:{place.flower_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    return sum(int(float(value)) for value in metric.findall(text))
