"""Two plots as SVG: every line against its target, and every system's rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from bench.line import Judged, Summary

_ROW, _BAR, _LEFT, _WIDTH, _TOP, _RIGHT = 22, 14, 330, 900, 40, 110
# A line is drawn from a quarter of its target to four times as good.
_REACH = 4.0
_COLOURS = {"PASS": "#2f8f5f", "MISS": "#c0504d"}
_OURS, _OTHERS = "#2f6f9f", "#9a9a9a"


def against_targets(judged: Sequence[Judged]) -> str:
    """Bars from the target outwards, to the right where it is exceeded; logarithmic."""
    shown = [each for each in judged if each.word in _COLOURS]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    scale = (middle - _LEFT) / math.log(_REACH)
    rows = [_outwards(each, index, middle, scale) for index, each in enumerate(shown)]
    bottom = _TOP + _ROW * len(shown)
    axis = f'<path d="M{middle:.1f} {_TOP - 6}V{bottom}" stroke="black"/>'
    marks = "".join(
        f'<text x="{middle + scale * math.log(factor):.1f}" y="{_TOP - 10}" '
        f'text-anchor="middle" fill="#666">{text}</text>'
        for factor, text in ((1 / _REACH, "x 1/4"), (1 / 2, "x 1/2"), (1, "target"), (2, "x 2"),
                             (_REACH, "x 4"))
    )  # fmt: skip
    return _document(len(shown), [marks, *rows, axis])


def betterness(judged: Judged) -> float:
    """How many times as good as its target a line is; below 1 is a miss."""
    value, target = judged.value, judged.line.target
    if judged.line.at_most:
        return target / value if value else _REACH
    return value / target


def _outwards(judged: Judged, index: int, middle: float, scale: float) -> str:
    good = min(_REACH, max(1 / _REACH, betterness(judged)))
    top = _TOP + _ROW * index
    end = middle + scale * math.log(good)
    left, width = min(middle, end), abs(end - middle)
    return (
        f'<text x="{_LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(judged.line.key)}</text>'
        f'<rect x="{left:.1f}" y="{top}" height="{_BAR}" width="{max(width, 1):.1f}" '
        f'fill="{_COLOURS[judged.word]}"/>'
        f'<text x="{_WIDTH - _RIGHT + 8}" y="{top + 12}">{betterness(judged):.2f}</text>'
    )


def rates(summaries: Sequence[Summary], titles: Mapping[str, str]) -> str:
    """Tasks a second of every system that runs tasks, with the range over rounds; logarithmic."""
    shown = [each for each in summaries if "tasks_per_second" in each.values]
    if not shown:
        return _document(0, [])
    found = [each.values["tasks_per_second"] for each in shown]
    least = 10 ** math.floor(math.log10(max(1.0, min(each.lowest for each in found))))
    most = max(each.highest for each in found)
    scale = (_WIDTH - _LEFT - _RIGHT) / math.log(max(most / least, 1.0001))
    rows = [_rate(each, titles, index, least, scale) for index, each in enumerate(shown)]
    title = f'<text x="{_LEFT}" y="{_TOP - 14}">tasks/s, logarithmic, from {least:.0f}</text>'
    return _document(len(shown), [title, *rows])


def _rate(
    summary: Summary, titles: Mapping[str, str], index: int, least: float, scale: float
) -> str:
    spread = summary.values["tasks_per_second"]
    low, at, high = (
        _LEFT + scale * math.log(max(value, least) / least)
        for value in (spread.lowest, spread.median, spread.highest)
    )
    top, title = _TOP + _ROW * index, titles[summary.system]
    ours = title.startswith(("tracked", "our"))
    return (
        f'<text x="{_LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(title)}</text>'
        f'<rect x="{_LEFT}" y="{top}" height="{_BAR}" width="{max(at - _LEFT, 1):.1f}" '
        f'fill="{_OURS if ours else _OTHERS}"/>'
        f'<path d="M{low:.1f} {top + _BAR / 2}H{high:.1f}" stroke="black"/>'
        f'<text x="{high + 6:.1f}" y="{top + 12}">{spread.median:,.0f}</text>'
    )


def _document(rows: int, parts: Sequence[str]) -> str:
    height = _TOP + _ROW * rows + 16
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"
