"""What is promised, what was measured, and the judgement: arithmetic only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

# Measures of which more is better; their gap is shown as time per unit.
RATES = {"tasks_per_second", "requests_per_second"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one system did in one round.

    `values` by measure: rates a second, times in the unit that the name ends with. `parts` splits
    the processor time of a task by kind of process, in ms.
    """

    system: str
    values: Mapping[str, float]
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """A system that was not measured. `failed`: it should have been, and something went wrong."""

    system: str
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A promise: `measure` of a system, as such or over that of another, against a target.

    With several `pairs` the worst of a round counts.
    """

    key: str
    meaning: str
    measure: str
    pairs: Sequence[tuple[str, str | None]]
    target: float
    at_most: bool = False

    @property
    def is_ratio(self) -> bool:
        """Whether two systems are compared."""
        return self.pairs[0][1] is not None

    @property
    def sign(self) -> str:
        """How the target is meant."""
        return "<=" if self.at_most else ">="

    @property
    def systems(self) -> set[str]:
        """All that have to be measured."""
        return {each for pair in self.pairs for each in pair if each is not None}

    def holds(self, value: float) -> bool:
        """Whether a value is within the target."""
        return value <= self.target if self.at_most else value >= self.target


@dataclass(frozen=True, slots=True)
class Round:
    """Everything of one round, in which systems ran one after the other."""

    measured: Sequence[Measured]

    def value(self, system: str, measure: str) -> float | None:
        """The value, or None where the system was not measured."""
        for each in self.measured:
            if each.system == system and measure in each.values:
                return each.values[measure]
        return None


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with its value in each round: median, lowest and highest.

    `word` is PASS, MISS, NOT RUN or FAILED; `reason` says why it did not run. `gap` is what is
    missing, for a MISS: in `gap_unit`, for the pair that was worst.
    """

    line: Line
    word: str
    reason: str = ""
    value: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    rounds: int = 0
    worst: tuple[str, str | None] | None = None
    gap: float = 0.0
    gap_unit: str = ""


def judge(line: Line, rounds: Sequence[Round], absent: Mapping[str, Absent]) -> Judged:
    """Compare within each round, then take the median over rounds."""
    missing = [absent[system] for system in sorted(line.systems) if system in absent]
    if missing:
        first = sorted(missing, key=lambda each: not each.failed)[0]
        word = "FAILED" if first.failed else "NOT RUN"
        return Judged(line, word, f"{first.system}: {first.reason.splitlines()[0]}")
    worst = [found for each in rounds if (found := _worst(line, each)) is not None]
    if not worst:
        return Judged(line, "NOT RUN", "nothing was measured")
    values = sorted(value for value, _ in worst)
    middle = median(values)
    # The pair of the round next to the median, or of the worse one of two.
    pair = min(worst, key=lambda each: (abs(each[0] - middle), line.holds(each[0])))[1]
    word = "PASS" if line.holds(middle) else "MISS"
    gap, unit = _gap(line, rounds, pair) if word == "MISS" else (0.0, "")
    return Judged(
        line, word, "", middle, values[0], values[-1], len(values), pair, gap, unit
    )  # fmt: skip


def _worst(line: Line, one: Round) -> tuple[float, tuple[str, str | None]] | None:
    found = []
    for pair in line.pairs:
        value = _compared(one, line.measure, pair)
        if value is None:
            return None
        found.append((value, pair))
    return (max if line.at_most else min)(found, key=lambda each: each[0])


def _compared(one: Round, measure: str, pair: tuple[str, str | None]) -> float | None:
    system, other = pair
    own = one.value(system, measure)
    if own is None or other is None:
        return own
    theirs = one.value(other, measure)
    if theirs is None:
        return None
    return own / theirs if theirs else float("inf")


def _gap(line: Line, rounds: Sequence[Round], pair: tuple[str, str | None]) -> tuple[float, str]:
    """What is missing: of a rate, the time that a unit takes too long.

    A measure that is a ratio itself has what is beyond its target beside it, as `excess_ms`.
    """
    if line.measure.endswith("_ratio"):
        return _median_of(rounds, pair[0], "excess_ms"), "ms"
    own = _median_of(rounds, pair[0], line.measure)
    allowed = line.target
    if pair[1] is not None:
        allowed *= _median_of(rounds, pair[1], line.measure)
    if line.measure in RATES:
        what = line.measure.removesuffix("s_per_second")
        return (1000 / own if own else float("inf")) - 1000 / allowed, f"ms a {what}"
    return own - allowed, _unit(line.measure)


def _unit(measure: str) -> str:
    if "ms" in measure.split("_"):
        return "ms"
    return measure.rsplit("_", 1)[-1]


def _median_of(rounds: Sequence[Round], system: str, measure: str) -> float:
    values = [value for one in rounds if (value := one.value(system, measure)) is not None]
    return median(values)


@dataclass(frozen=True, slots=True)
class Spread:
    """A value over rounds."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One system over all rounds."""

    system: str
    values: dict[str, Spread]
    parts: dict[str, float]


def summarise(rounds: Sequence[Round]) -> list[Summary]:
    """Every system, in the order in which they were first measured."""
    by_system: dict[str, list[Measured]] = {}
    for one in rounds:
        for each in one.measured:
            by_system.setdefault(each.system, []).append(each)
    return [_summary(system, measured) for system, measured in by_system.items()]


def _summary(system: str, measured: Sequence[Measured]) -> Summary:
    names = _in_order(each.values for each in measured)
    kinds = _in_order(each.parts for each in measured)
    values = {}
    for name in names:
        found = [each.values[name] for each in measured if name in each.values]
        values[name] = Spread(median(found), min(found), max(found))
    parts = {kind: median(each.parts.get(kind, 0.0) for each in measured) for kind in kinds}
    return Summary(system, values, parts)


def _in_order(mappings: Iterable[Mapping[str, float]]) -> list[str]:
    return list({name: None for each in mappings for name in each})


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all do not exceed (nearest rank).

    Raises `ValueError` for no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = max(1, math.ceil(round(share * len(ordered), 6)))
    return ordered[rank - 1]
