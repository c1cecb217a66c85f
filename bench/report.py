"""Results as text, JSON, Markdown and a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from bench.targets import Judged, Rounds, Summary

_BAR, _LEFT, _WIDTH, _HEIGHT = 26, 300, 860, 16
_METHOD = "The method: [benchmarks](../../docs/en/benchmarks.md)."
# Share of the machine that others may use before throughput says little.
QUIET = 0.1
_LOUD = (
    "**The machine was not quiet: others used up to {:.0f} % of it. Believe the CPU times, not the "
    "throughput, and repeat.**"
)
# Tracked, and not.
_OURS, _OTHERS = "#2f6f9f", "#9a9a9a"


def lines(judged: Sequence[Judged]) -> list[str]:
    """A line for each target: asked, measured, spread, verdict."""
    return [
        f"{each.word}  {each.target.system}/{each.target.other}  target {each.target.least:.2f}  "
        f"ratio {each.ratio:.2f}  spread {each.lowest:.2f}-{each.highest:.2f}  "
        f"CPU ratio {each.cpu_ratio:.2f}  {each.target.meaning}"
        for each in judged
    ]


def write(
    folder: Path,
    titles: Mapping[str, str],
    rounds: Rounds,
    summaries: Sequence[Summary],
    judged: Sequence[Judged],
    machine: Mapping[str, Any],
) -> None:
    """`execution.json`, `execution.md` and `execution.svg` in `folder`."""
    folder.mkdir(exist_ok=True)
    whole = {
        "machine": machine,
        "systems": titles,
        "summary": [asdict(each) for each in summaries],
        "targets": [{**asdict(each), "verdict": each.word} for each in judged],
        "rounds": [[asdict(each) for each in one] for one in rounds],
    }
    (folder / "execution.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / "execution.md").write_text(markdown(titles, rounds, summaries, judged, machine))
    (folder / "execution.svg").write_text(plot(titles, summaries))


def markdown(
    titles: Mapping[str, str],
    rounds: Rounds,
    summaries: Sequence[Summary],
    judged: Sequence[Judged],
    machine: Mapping[str, Any],
) -> str:
    """The tables. How they came about: docs/en/benchmarks.md."""
    tasks = rounds[0][0].tasks
    loudest = max(each.foreign for each in summaries)
    parts = [
        "# Execution of no-op tasks",
        f"{tasks} tasks a round, {len(rounds)} interleaved rounds, medians. " + _METHOD,
        *([_LOUD.format(100 * loudest)] if loudest > QUIET else []),
        "![throughput](execution.svg)",
        _table(
            ["", "system", "tasks/s", "range", "CPU-ms/task", "of which", "others"],
            [_row(titles[each.system], each) for each in summaries],
        ),
        _table(
            ["system/other", "target", "ratio", "spread", "CPU ratio", "", "meaning"],
            [_judged_row(each) for each in judged],
        ),
        _table(["machine", ""], [[name, str(value)] for name, value in machine.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _row(title: str, each: Summary) -> list[str]:
    split = ", ".join(f"{kind} {ms:.2f}" for kind, ms in each.cpu_parts.items() if ms >= 0.005)
    return [
        each.system,
        title,
        f"{each.tasks_per_second:.0f}",
        f"{each.lowest:.0f}-{each.highest:.0f}",
        f"{each.cpu_ms_per_task:.2f}",
        split,
        f"{100 * each.foreign:.0f} %",
    ]


def _judged_row(each: Judged) -> list[str]:
    return [
        f"{each.target.system} / {each.target.other}",
        f"{each.target.least:.2f}",
        f"{each.ratio:.2f}",
        f"{each.lowest:.2f}-{each.highest:.2f}",
        f"{each.cpu_ratio:.2f}",
        each.word,
        each.target.meaning,
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    every = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in every)


def plot(titles: Mapping[str, str], summaries: Sequence[Summary]) -> str:
    """Bars of throughput with the range over rounds, as SVG."""
    most = max(each.highest for each in summaries) or 1.0
    scale = (_WIDTH - _LEFT - 110) / most
    bars = [_bar(titles[each.system], each, scale, index) for index, each in enumerate(summaries)]
    height = 40 + _BAR * len(summaries)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">'
        '<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_LEFT}" y="20">no-op tasks/s, one prefork worker with two children</text>'
    )
    return "\n".join([head, *bars, "</svg>"]) + "\n"


def _bar(title: str, each: Summary, scale: float, index: int) -> str:
    top = 34 + _BAR * index
    middle, text = top + _HEIGHT / 2, top + 13
    low, high = _LEFT + scale * each.lowest, _LEFT + scale * each.highest
    colour = _OTHERS if each.system in ("B", "C") else _OURS
    return (
        f'<text x="{_LEFT - 8}" y="{text}" text-anchor="end">{escape(title)}</text>'
        f'<rect x="{_LEFT}" y="{top}" height="{_HEIGHT}" '
        f'width="{scale * each.tasks_per_second:.1f}" fill="{colour}"/>'
        f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="black"/>'
        f'<text x="{high + 6:.1f}" y="{text}">{each.tasks_per_second:.0f} '
        f"({each.cpu_ms_per_task:.2f} CPU-ms)</text>"
    )
