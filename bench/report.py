"""Results as text, JSON and Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import plot, profiles
from bench.line import Judged, Spread, Summary
from bench.run import Results

_METHOD = "[How it is measured](../../docs/en/benchmarks.md)."
# Share of the machine that others may use before throughput says little.
QUIET = 0.1
# What is measured in more ways than this is shown from top to bottom.
MOST_COLUMNS = 9
_LOUD = (
    "**The machine was not quiet: others used up to {:.0f} % of it. Believe the CPU times, not the "
    "throughput, and repeat.**"
)


def line(judged: Judged) -> str:
    """One line: verdict, key, target, value, spread, meaning, and what is to be said of a miss."""
    each = judged.line
    head = f"{judged.word:7}  {each.key:34} target {each.sign} {number(each.target):>6}"
    if judged.word in ("NOT RUN", "FAILED"):
        return f"{head}  {each.meaning}: {judged.reason}"
    what = "ratio" if each.is_ratio or "ratio" in each.measure else each.measure
    text = f"{head}  {what} {number(judged.value)}  spread {_spread(judged)}  {each.meaning}"
    if len(each.pairs) > 1 and judged.worst:
        text += f"; worst: {judged.worst[0]}"
    return f"{text}  [{profiles.remark(judged)}]" if judged.word == "MISS" else text


def tally(judged: Sequence[Judged]) -> str:
    """How many lines came out how."""
    counted = Counter(each.word for each in judged)
    return ", ".join(f"{counted[word]} {word}" for word in sorted(counted))


def write(folder: Path, results: Results, machine: Mapping[str, Any]) -> None:
    """`NAME.json`, `NAME.md` and the plots in `folder`; NAME is that of the sizes."""
    folder.mkdir(exist_ok=True)
    name, judged, summaries = results.sizes.name, results.judged, results.summaries
    whole = {
        "machine": machine,
        "sizes": asdict(results.sizes),
        "seconds": results.seconds,
        "lines": [_as_json(each) for each in judged],
        "systems": {each.system: results.titles[each.system] for each in summaries},
        "rounds": [[asdict(one) for one in each.measured] for each in results.rounds],
    }
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / f"{name}.md").write_text(markdown(results, judged, summaries, machine))
    (folder / f"{name}-lines.svg").write_text(plot.against_targets(judged))
    (folder / f"{name}-rates.svg").write_text(plot.rates(summaries, results.titles))


def _as_json(judged: Judged) -> dict[str, Any]:
    found = asdict(judged)
    found["line"]["pairs"] = [list(pair) for pair in judged.line.pairs]
    return {key: None if value == float("inf") else value for key, value in found.items()}


def markdown(
    results: Results,
    judged: Sequence[Judged],
    summaries: Sequence[Summary],
    machine: Mapping[str, Any],
) -> str:
    """The tables. How they came about: docs/en/benchmarks.md."""
    name, rounds = results.sizes.name, len(results.rounds)
    loudest = max((_loud(each) for each in summaries), default=0.0)
    parts = [
        "# What is promised about speed, and what was measured",
        f"{tally(judged)}. {rounds} interleaved rounds, medians. {_METHOD}",
        *([_LOUD.format(100 * loudest)] if loudest > QUIET else []),
        f"![lines]({name}-lines.svg)",
        _table(
            ["", "line", "target", "measured", "spread", "meaning", ""],
            [_judged_row(each) for each in judged],
        ),
        f"![rates]({name}-rates.svg)",
    ]
    for topic in dict.fromkeys(results.topics[each.system] for each in summaries):
        own = [each for each in summaries if results.topics[each.system] == topic]
        parts += [f"## {topic.capitalize()}", *_system_tables(own, results.titles)]
    spent = ", ".join(f"{topic} {seconds:.0f}" for topic, seconds in results.seconds.items())
    parts += [
        "## Machine",
        _table(["", ""], [[key, str(value)] for key, value in machine.items()]),
        f"Seconds spent: {spent}.",
    ]
    return "\n\n".join(parts) + "\n"


def _loud(summary: Summary) -> float:
    others = summary.values.get("others")
    return others.median if others else 0.0


def _judged_row(judged: Judged) -> list[str]:
    each = judged.line
    target = f"{each.sign} {number(each.target)}"
    if judged.word in ("NOT RUN", "FAILED"):
        return [judged.word, f"`{each.key}`", target, "", "", each.meaning, _safe(judged.reason)]
    remark = ""
    if judged.word == "MISS":
        remark = profiles.remark(judged)
        if found := profiles.note(each.key):
            remark = f"[{remark}](../profiles/{found.path.name})"
    if len(each.pairs) > 1 and judged.worst:
        remark = f"worst: {judged.worst[0]}" + (f"; {remark}" if remark else "")
    row = [judged.word, f"`{each.key}`", target, number(judged.value), _spread(judged)]
    return [*row, each.meaning, remark]


def _system_tables(summaries: Sequence[Summary], titles: Mapping[str, str]) -> list[str]:
    """A table for each kind of measurement: systems that were measured alike stand together."""
    alike: dict[tuple[str, ...], list[Summary]] = {}
    for each in summaries:
        alike.setdefault(tuple(each.values), []).append(each)
    return [_system_table(names, group, titles) for names, group in alike.items()]


def _system_table(
    names: Sequence[str], summaries: Sequence[Summary], titles: Mapping[str, str]
) -> str:
    split = any(each.parts for each in summaries)
    if len(names) > MOST_COLUMNS:
        measures = [
            [name.replace("_", " "), *(_cell(name, each.values[name]) for each in summaries)]
            for name in names
        ]
        return _table(["", *(titles[each.system] for each in summaries)], measures)
    head = ["system", *(name.replace("_", " ") for name in names), *(["of which ms"] * split)]
    rows = []
    for each in summaries:
        cells = [_cell(name, each.values[name]) for name in names]
        rows.append([titles[each.system], *cells, *([_parts(each)] if split else [])])
    return _table(head, rows)


def _cell(name: str, spread: Spread) -> str:
    if name == "others":
        return f"{100 * spread.median:.0f} %"
    if spread.lowest == spread.highest:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.lowest)}-{number(spread.highest)})"


def _parts(summary: Summary) -> str:
    return ", ".join(f"{kind} {ms:.2f}" for kind, ms in summary.parts.items() if ms >= 0.005)


def _spread(judged: Judged) -> str:
    return f"{number(judged.lowest)}-{number(judged.highest)}"


def number(value: float) -> str:
    """Three digits that count, and no decimals from 100 on."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def _safe(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    every = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in every)
