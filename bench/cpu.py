"""CPU time of everything that belongs to a system, and of everything that does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


def of_trees(roots: Iterable[int]) -> dict[str, float]:
    """CPU seconds so far of processes and all their descendants, by kind of process.

    What a process has reaped counts for it. So the difference of two readings is right even
    when processes ended in between: what they had used before the first reading is in both.
    """
    used: dict[str, float] = {}
    for root in roots:
        try:
            parent = psutil.Process(root)
            family = [parent, *parent.children(recursive=True)]
        except psutil.Error:
            continue
        for process in family:
            try:
                times, kind = process.cpu_times(), kind_of(process)
            except psutil.Error:
                continue
            seconds = times.user + times.system + times.children_user + times.children_system
            used[kind] = used.get(kind, 0.0) + seconds
    return used


def kind_of(process: psutil.Process) -> str:
    """What a process is: its own name for what it does, else by its parent."""
    line = " ".join(process.cmdline())
    for word, kind in (
        ("postgres", "postgresql"),
        ("valkey-server", "broker"),
        ("redis-server", "broker"),
        ("flower", "flower"),
        ("app.worker.agent", "agent"),
        ("scripts.celery_worker", "supervisor"),
        ("celery_beat", "beat"),
        ("uvicorn", "api"),
    ):
        if word in line:
            return kind
    parent = process.parent()
    inside = parent is not None and " worker" in " ".join(parent.cmdline())
    return "children" if inside else "parent"


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds at one moment: of the system under test by kind, and of the whole machine."""

    own: dict[str, float]
    machine: float

    @staticmethod
    def take(roots: Iterable[int]) -> Reading:
        """Read now."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return Reading(of_trees(roots), sum(times) - idle - _counted_twice(times))

    def since(self, before: Reading) -> dict[str, float]:
        """CPU seconds of the system under test between two readings."""
        return {
            kind: round(seconds - before.own.get(kind, 0.0), 3)
            for kind, seconds in self.own.items()
        }

    def foreign_since(self, before: Reading, bench_seconds: float) -> float:
        """CPU seconds of everything else on the machine: how quiet it was."""
        own = sum(self.since(before).values())
        return max(0.0, self.machine - before.machine - own - bench_seconds)


def _counted_twice(times: object) -> float:
    # Guests' time stands in user and nice as well.
    return float(getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0))


def own_seconds() -> float:
    """CPU seconds so far of the benchmark itself."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)
