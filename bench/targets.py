"""Which ratios are asked for, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.rounds import Measured

Rounds = Sequence[Sequence[Measured]]


@dataclass(frozen=True, slots=True)
class Target:
    """`system`'s throughput over `other`'s is to be at least `least`."""

    meaning: str
    system: str
    other: str
    least: float


TARGETS = [
    Target(meaning, f"{system}-{database}", other, least)
    for meaning, system, other, least in (
        ("slices / Celery, results ignored", "A", "B", 1.45),
        ("slices / Celery, results, events, Flower", "A", "C", 2.5),
        ("slices with Flower / Celery, results, events, Flower", "D", "C", 1.2),
        ("one row a message / Celery, results ignored", "A1", "B", 0.66),
        ("one row a message / Celery, results, events, Flower", "A1", "C", 1.15),
    )
    for database in ("sqlite", "postgresql")
]


@dataclass(frozen=True, slots=True)
class Judged:
    """A target with the ratios of each round: median, lowest and highest; CPU likewise."""

    target: Target
    ratio: float
    lowest: float
    highest: float
    cpu_ratio: float

    @property
    def word(self) -> str:
        """PASS or MISS."""
        return "PASS" if self.ratio >= self.target.least else "MISS"


def judge(rounds: Rounds, targets: Sequence[Target] = TARGETS) -> list[Judged]:
    """Compare within each round, whose systems ran one after the other, then over rounds."""
    judged = []
    for target in targets:
        pairs = [(_of(one, target.system), _of(one, target.other)) for one in rounds]
        found = [(a, b) for a, b in pairs if a is not None and b is not None]
        if not found:
            continue
        ratios = [a.tasks_per_second / b.tasks_per_second for a, b in found]
        cpu = [a.cpu_ms_per_task / b.cpu_ms_per_task for a, b in found]
        judged.append(Judged(target, median(ratios), min(ratios), max(ratios), median(cpu)))
    return judged


def _of(measured: Sequence[Measured], system: str) -> Measured | None:
    return next((each for each in measured if each.system == system), None)


@dataclass(frozen=True, slots=True)
class Summary:
    """One system over all rounds: medians, and the range of its throughput."""

    system: str
    tasks_per_second: float
    lowest: float
    highest: float
    cpu_ms_per_task: float
    cpu_parts: dict[str, float]
    foreign: float


def summarise(rounds: Rounds) -> list[Summary]:
    """In the order of a round."""
    return [_summary([one[index] for one in rounds]) for index in range(len(rounds[0]))]


def _summary(measured: Sequence[Measured]) -> Summary:
    speeds = [each.tasks_per_second for each in measured]
    kinds = {kind: None for each in measured for kind in each.cpu_seconds}
    return Summary(
        system=measured[0].system,
        tasks_per_second=median(speeds),
        lowest=min(speeds),
        highest=max(speeds),
        cpu_ms_per_task=median(each.cpu_ms_per_task for each in measured),
        cpu_parts={
            kind: median(1000 * each.cpu_seconds.get(kind, 0.0) / each.tasks for each in measured)
            for kind in kinds
        },
        foreign=median(each.foreign for each in measured),
    )
