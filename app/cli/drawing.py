"""Figures as a few characters: lines of blocks, bars, short durations and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from app.cli.output import clean

BLOCKS = "▁▂▃▄▅▆▇█"
# The same where the terminal knows no Unicode.
PLAIN_BLOCKS = "_.-:=+*#"
# Names and messages come from anybody and may be megabytes; no line shows more of one.
LONGEST = 400


def is_plain(encoding: str | None) -> bool:
    """Whether a stream can be trusted with ASCII only."""
    return not (encoding or "ascii").lower().startswith("utf")


def flat(text: object) -> str:
    """Text for one line: nothing in it breaks the line or steers the terminal."""
    return " ".join(clean(str(text)[:LONGEST]).split())


def sparkline(values: Sequence[float | None], *, plain: bool = False) -> str:
    """A block for each value, as high as its part of the largest one; None is a gap.

    Only zero has the lowest block, so that what is small beside the largest is still seen.
    """
    blocks = PLAIN_BLOCKS if plain else BLOCKS
    top = max((value for value in values if value is not None), default=0)

    def block(value: float | None) -> str:
        if value is None:
            return " "
        steps = len(blocks) - 1
        height = 0 if value <= 0 else max(1, math.ceil(value * steps / top))
        return blocks[min(height, steps)]

    return "".join(map(block, values))


def squeeze(
    values: Sequence[float | None], width: int, merge: Callable[[list[float]], float]
) -> list[float | None]:
    """At most `width` values: as many neighbours as it takes are merged into one.

    The newest values stand at the end and are merged in full; what is left over stands first.
    """
    size = math.ceil(len(values) / max(width, 1)) or 1
    first = len(values) % size
    parts = [values[:first]] if first else []
    parts += [values[start : start + size] for start in range(first, len(values), size)]
    known = [[value for value in part if value is not None] for part in parts]
    return [merge(part) if part else None for part in known]


def mean(values: list[float]) -> float:
    """The average of some values."""
    return sum(values) / len(values)


def bar(percent: float, width: int, *, plain: bool = False) -> tuple[str, str]:
    """The filled part of a bar and the rest, `width` characters together."""
    filled = round(min(max(percent, 0.0), 100.0) / 100 * width)
    full, empty = ("#", "-") if plain else ("━", "─")
    return full * filled, empty * (width - filled)


def span(seconds: float) -> str:
    """A duration in at most six characters: `0.4s`, `12s`, `5m03`, `2h05`, `3d04`, `400d`."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days}d{hours:02}" if days < 100 else f"{days}d"


def short_count(count: int) -> str:
    """A number in at most five characters: `9999`, `12.3k`, `4.5M`."""
    if count < 10_000:
        return str(count)
    if count < 1_000_000:
        return f"{count / 1000:.1f}k" if count < 99_950 else f"{count // 1000}k"
    return f"{count / 1_000_000:.1f}M"


def size(count: int) -> str:
    """Bytes in at most five characters: `300M`, `12G`."""
    megabytes = count / 2**20
    return f"{megabytes:.0f}M" if megabytes < 10_000 else f"{megabytes / 1024:.0f}G"
