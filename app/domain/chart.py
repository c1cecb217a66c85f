"""Charts as SVG text: no scripts, no styles, nothing from elsewhere, sharp on paper.

Colours are attributes, so a page that allows no inline styles shows them too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 220
LEFT, BOTTOM, TOP = 60, 24, 8
ROW = 22
NAMES = 260
# As many labels as fit beside one another.
LABELS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name and colour, one for each label; None is a gap."""

    name: str
    colour: str
    values: Sequence[float | None]


def stacked_bars(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """A bar for each label, made of one part for each series."""
    highest = max((sum(s.values[i] or 0 for s in series) for i in range(len(labels))), default=0)
    scale = _Scale(len(labels), highest)
    parts = []
    for index, label in enumerate(labels):
        below = 0.0
        for each in series:
            value = each.values[index] or 0
            if value:
                height = scale.height(value)
                parts.append(
                    f'<rect x="{scale.x(index):.1f}" y="{scale.y(below + value):.1f}" '
                    f'width="{scale.bar:.1f}" height="{height:.1f}" fill="{each.colour}">'
                    f"<title>{escape(label)}: {value:g} {escape(each.name)}</title></rect>"
                )
            below += value
    return _svg(title, HEIGHT, scale.frame(labels), *parts, _legend(series))


def lines(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """A line for each series, broken where it has no value."""
    highest = max((v for s in series for v in s.values if v is not None), default=0)
    scale = _Scale(len(labels), highest)
    parts = []
    for each in series:
        for run in _unbroken(each.values):
            points = " ".join(f"{scale.middle(i):.1f},{scale.y(v):.1f}" for i, v in run)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{each.colour}" '
                'stroke-width="2" stroke-linejoin="round"/>'
            )
            parts += [
                f'<circle cx="{scale.middle(i):.1f}" cy="{scale.y(v):.1f}" r="2.5" '
                f'fill="{each.colour}"><title>{escape(labels[i])}: {escape(each.name)} {v:.3g}'
                "</title></circle>"
                for i, v in run
            ]
    return _svg(title, HEIGHT, scale.frame(labels), *parts, _legend(series))


def rows(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """A horizontal bar for each label, made of one part for each series."""
    longest = max((sum(s.values[i] or 0 for s in series) for i in range(len(labels))), default=0)
    unit = (WIDTH - NAMES - 80) / longest if longest else 0
    parts = []
    for index, label in enumerate(labels):
        top, left = TOP + index * ROW, float(NAMES)
        parts.append(_text(NAMES - 8, top + 13, _short(label), "end"))
        for each in series:
            value = each.values[index] or 0
            if value:
                parts.append(
                    f'<rect x="{left:.1f}" y="{top}" width="{value * unit:.1f}" '
                    f'height="{ROW - 6}" fill="{each.colour}">'
                    f"<title>{escape(label)}: {value:g} {escape(each.name)}</title></rect>"
                )
            left += value * unit
        whole = sum(each.values[index] or 0 for each in series)
        parts.append(_text(left + 6, top + 13, f"{whole:,.5g}", "start"))
    return _svg(title, TOP + ROW * len(labels) + 28, *parts, _legend(series, len(labels)))


@dataclass(frozen=True, slots=True)
class _Scale:
    """From numbers to places in the picture."""

    count: int
    highest: float

    @property
    def step(self) -> float:
        """From one label to the next."""
        return (WIDTH - LEFT) / max(1, self.count)

    @property
    def bar(self) -> float:
        """How wide a bar is."""
        return max(0.5, self.step * 0.8)

    @property
    def top(self) -> float:
        """A round number at or above the highest value."""
        return _round_up(self.highest)

    def height(self, value: float) -> float:
        """How high a value is drawn."""
        return value / self.top * (HEIGHT - TOP - BOTTOM - 20)

    def x(self, index: int) -> float:
        """Where a bar begins."""
        return LEFT + index * self.step + (self.step - self.bar) / 2

    def middle(self, index: int) -> float:
        """Where a point is."""
        return LEFT + (index + 0.5) * self.step

    def y(self, value: float) -> float:
        """The height of a value, from above."""
        return HEIGHT - BOTTOM - 20 - self.height(value)

    def frame(self, labels: Sequence[str]) -> str:
        """Lines at round numbers, and labels below."""
        parts = []
        for quarter in range(5):
            value = self.top * quarter / 4
            y = self.y(value)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="#8886" stroke-width="1"/>'
            )
            parts.append(_text(LEFT - 6, y + 4, f"{value:,.4g}", "end"))
        every = math.ceil(len(labels) / LABELS) or 1
        parts += [
            _text(self.middle(index), HEIGHT - BOTTOM, labels[index], "middle")
            for index in range(0, len(labels), every)
        ]
        return "".join(parts)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten, whose quarters are short numbers."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * digit for digit in (1, 2, 4, 8, 10, 20) if power * digit >= value)


def _unbroken(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index, value))
    return [run for run in runs if run]


def _legend(series: Sequence[Series], rows_above: int | None = None) -> str:
    y = HEIGHT - 6 if rows_above is None else TOP + ROW * rows_above + 18
    parts = []
    for index, each in enumerate(series):
        x = LEFT + index * 130
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{each.colour}"/>')
        parts.append(_text(x + 15, y, each.name, "start"))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" '
        f'fill="currentColor">{escape(text)}</text>'
    )


def _short(text: str) -> str:
    """As much as fits: of a dotted name the end says most."""
    return text if len(text) <= 40 else f"…{text[-39:]}"


def _svg(title: str, height: float, *parts: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'font-family="system-ui,sans-serif"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )
