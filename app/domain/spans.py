"""Parts of a line of numbers, each from behind `low` up to `high`."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same places, in order; what touches or overlaps is one."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def clipped(spans: Iterable[Span], low: int, high: int) -> list[Span]:
    """What of them lies behind `low`, up to `high`."""
    cut = ((max(low, begin), min(high, end)) for begin, end in spans)
    return [(begin, end) for begin, end in cut if begin < end]
