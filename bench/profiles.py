"""Notes that explain a miss: `bench/profiles/KEY.md`, with a table of what was seen in a profile.

The rows of the table whose first cell is `code` name a frame, and their last cell is a number in
the unit of the line's gap. They should add up to the gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.line import Judged

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
