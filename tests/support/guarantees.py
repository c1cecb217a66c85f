"""The pages of guarantees and of security, and whether the tests they name exist and ran.

`python -m tests.support.guarantees REPORT.xml...` reads the reports of one or several runs
(`--junitxml`) and names every promise, and every control of a threat, whose tests did not all run
and pass.
"""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT

PAGES = (ROOT / "docs" / "en" / "guarantees.md", ROOT / "docs" / "zh" / "guarantees.md")
# Those that a run is held to, below the root. The other language names the same tests.
JUDGED = ("docs/en/guarantees.md", "docs/en/security.md")
TESTS = ROOT / "tests"
_HELD_BY = re.compile(r"(?:Held by:|由以下守住：)(?P<ids>.*)", re.DOTALL)
_ID = re.compile(r"`([LR]\d{2}|[a-z]+/test_\w+\.py::test_\w+)`")
_SENTENCE = re.compile(r"^- \*\*(?P<text>.+?)\*\*", re.DOTALL)
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
_SCENARIO = re.compile(r"\[(?P<id>[LR]\d{2})[-\]]")


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence in bold, and the ids under it."""

    section: str
    sentence: str
    ids: tuple[str, ...]


def promises(page: Path) -> list[Promise]:
    """Every promise of the page: the sections before the one on what cannot be guaranteed."""
    found = []
    for section in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        if title.startswith("10."):
            break
        for item in re.split(r"^(?=- )", body, flags=re.M):
            if sentence := _SENTENCE.match(item):
                held = _HELD_BY.search(item)
                ids = tuple(_ID.findall(held["ids"])) if held else ()
                text = re.sub(r"\s+", " ", sentence["text"])
                found.append(Promise(title, text, ids))
    return found


def scenarios_of(page: Path) -> list[str]:
    """Ids in the page's table of scenarios."""
    return re.findall(r"^\| `([LR]\d{2})` \|", page.read_text(encoding="utf-8"), re.M)


def every_test() -> set[str]:
    """`ring/file.py::function` of every test of the suite."""
    return {
        f"{path.relative_to(TESTS)}::{node.name}"
        for path in TESTS.rglob("test_*.py")
        for node in _functions(path)
    }


def scenario_tests() -> dict[str, str]:
    """Scenario -> the test that carries its mark."""
    return {
        str(mark.args[0].value): f"{path.relative_to(TESTS)}::{node.name}"
        for path in (TESTS / "chaos").glob("test_*.py")
        for node in _functions(path)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call)
        and ast.unparse(mark.func).endswith("mark.scenario")
        and isinstance(mark.args[0], ast.Constant)
    }


def _functions(path: Path) -> Iterable[_FUNCTION]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, _FUNCTION) and node.name.startswith("test_"):
            yield node


def outcomes(reports: Iterable[Path]) -> dict[str, set[str]]:
    """Id -> `passed`, `failed`, `skipped`: what its runs came to, over all reports."""
    found: dict[str, set[str]] = {}
    for report in reports:
        # Written by our own run a moment ago, so nothing in it is hostile.
        for case in ET.parse(report).iter("testcase"):
            name = case.get("name", "")
            file = case.get("classname", "").removeprefix("tests.").replace(".", "/")
            tags = {child.tag for child in case}
            outcome = "skipped" if "skipped" in tags else "passed"
            if tags & {"failure", "error"}:
                outcome = "failed"
            found.setdefault(f"{file}.py::{name.split('[')[0]}", set()).add(outcome)
            if scenario := _SCENARIO.search(name):
                found.setdefault(scenario["id"], set()).add(outcome)
    return found


def unheld(reports: Sequence[Path], page: Path = PAGES[0]) -> list[str]:
    """A line for each id that was not run to success, with the promise that rests on it.

    One that was skipped on one database and passed on another has run.
    """
    seen = outcomes(reports)
    lines = []
    for promise in promises(page):
        for name in promise.ids:
            came_to = seen.get(name, {"not run"})
            if "failed" in came_to or "passed" not in came_to:
                lines.append(f"{name} ({', '.join(sorted(came_to))}): {promise.sentence}")
    return lines


def main(reports: list[str], root: Path = ROOT) -> int:
    """Say which promises and controls nothing has held in these runs; 1 if there are any."""
    if absent := [report for report in reports if not Path(report).exists()]:
        sys.stdout.write(f"NOT HELD: a run ended before its report: {', '.join(absent)}\n")
        return 1
    paths = [Path(report) for report in reports]
    lines = [f"{name}: {line}" for name in JUDGED for line in unheld(paths, root / name)]
    for line in lines:
        sys.stdout.write(f"NOT HELD: {line}\n")
    if not lines:
        sys.stdout.write(f"All that {' and '.join(JUDGED)} promise was held by tests that ran.\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
