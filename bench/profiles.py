"""Notes that explain a miss: `bench/profiles/KEY.md`, with a table of what was seen in a profile.

The rows of the table whose first cell is `code` name a frame, and their last cell is a number in
the unit of the line's gap. They should add up to the gap. `--profile` writes such a note; one about
something else than processor time is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.line import RATES, Judged, Summary
from bench.sampling import PER_SECOND, Frame, Samples

FOLDER = Path(__file__).parent / "profiles"
_ROW = re.compile(r"^\|\s*`[^`]+`.*\|\s*(-?\d+(?:\.\d+)?)\s*\|\s*$", re.MULTILINE)
# How much of a gap has to be named.
ENOUGH = 0.8


@dataclass(frozen=True, slots=True)
class Note:
    """A note and the sum of its frames."""

    path: Path
    explained: float

    def explains(self, gap: float) -> bool:
        """Whether its frames add up to the gap."""
        return self.explained >= ENOUGH * gap


def note(key: str, folder: Path = FOLDER) -> Note | None:
    """The note of a line; None where nobody has written one."""
    path = folder / f"{key}.md"
    if not path.exists():
        return None
    return Note(path, sum(float(number) for number in _ROW.findall(path.read_text())))


def remark(judged: Judged, folder: Path = FOLDER) -> str:
    """What is said of a miss: how large it is, and whether somebody has explained it."""
    gap = f"gap {judged.gap:.3g} {judged.gap_unit}"
    found = note(judged.line.key, folder)
    if found is None:
        return f"{gap}, no profile"
    short = "" if found.explains(judged.gap) else ", not enough"
    return f"{gap}, {found.path.name} names {found.explained:.3g}{short}"


# Rows of a note: frames down to this share of the whole.
SMALLEST = 0.005
# Not a function: what passes while no process of the system runs.
WAITING = Frame("system.waiting", "disk, broker, each other")

_TEXT = """# `{key}`

{meaning}: {value:.3g}, target {sign} {target:.3g}; the gap is {gap:.3g} {unit}.

Written by `make bench ARGS="--profile --only {key}"` on {day},
with py-spy at {rate} samples a second beside every Python process of the system. A row is the
innermost function of this project on the stack, and the package whose code ran below it.
{how}

| frame | package | {columns}{unit} |
| --- | --- | {dashes}--- |
{rows}
"""


def write(
    judged: Judged,
    summaries: Mapping[str, Summary],
    seen: Mapping[str, Samples],
    folder: Path = FOLDER,
) -> Path | None:
    """The note of a miss, from profiles that were taken; None where there are none of it."""
    assert judged.worst is not None
    system, other = judged.worst
    if system not in seen:
        return None
    own = _frames(judged, summaries[system], seen[system])
    # A system that may be slower than the other one is explained by what the other one does not do.
    beside = (
        _frames(judged, summaries[other], seen[other])
        if other in seen and other is not None and judged.line.target < 1
        else {}
    )
    rows = []
    for frame, cost in sorted(own.items(), key=lambda each: -each[1]):
        if cost < SMALLEST * sum(own.values()):
            break
        theirs = beside.get(frame, 0.0)
        cells = [f"{cost:.4f}", f"{theirs:.4f}"] if beside else []
        rows.append([f"`{frame.function}`", frame.package, *cells, f"{cost - theirs:.4f}"])
    path = folder / f"{judged.line.key}.md"
    path.write_text(
        _TEXT.format(
            key=judged.line.key, meaning=judged.line.meaning, value=judged.value,
            sign=judged.line.sign, target=judged.line.target, gap=judged.gap, unit=judged.gap_unit,
            day=f"{datetime.now(UTC):%Y-%m-%d}", rate=PER_SECOND,
            how=_how(judged, beside),
            columns="ours | theirs | " if beside else "", dashes="--- | --- | " if beside else "",
            rows="\n".join(f"| {' | '.join(row)} |" for row in rows),
        )
    )  # fmt: skip
    return path


def _how(judged: Judged, beside: Mapping[Frame, float]) -> str:
    text = (
        "Its share of the samples is taken of the processor time of that kind of process. All rows"
        "\ntogether are the time that passes for each unit, on all cores."
        if judged.line.measure in RATES
        else "Its share of the samples is taken of what that kind of process uses, for each task or\n"
        "question, or while nothing is asked of it."
    )
    if beside:
        return f"{text}\nThe last column is what the other system does not do."
    return text


def _frames(judged: Judged, summary: Summary, samples: Samples) -> dict[Frame, float]:
    """What each frame costs, in the unit of the gap."""
    measure = judged.line.measure
    if measure in RATES:
        elapsed = 1000 / summary.values[measure].median
        used = sum(summary.parts.values())
        scale = min(1.0, elapsed / used)
        kinds = {kind: scale * ms for kind, ms in summary.parts.items()}
        found = {WAITING: elapsed - scale * used} if scale == 1.0 else {}
    else:
        kinds = summary.parts or _percents(summary)
        found = {}
    for kind, amount in kinds.items():
        for frame, cost in samples.spread(kind, amount).items():
            found[frame] = found.get(frame, 0.0) + cost
    return found


def _percents(summary: Summary) -> dict[str, float]:
    return {
        name.removesuffix("_percent"): spread.median
        for name, spread in summary.values.items()
        if name.endswith("_percent") and name != "core_percent"
    }


def write_all(
    judged: Sequence[Judged], summaries: Sequence[Summary], seen: Mapping[str, Samples]
) -> list[Path]:
    """The notes of every miss of which there is a profile."""
    by_system = {each.system: each for each in summaries}
    misses = [each for each in judged if each.word == "MISS"]
    return [path for each in misses if (path := write(each, by_system, seen)) is not None]
