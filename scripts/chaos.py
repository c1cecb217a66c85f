"""`make chaos-full`: every scenario, and what became of each. Standard library only."""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from scripts.bootstrap import ROOT, say

FOLDER = Path(ROOT) / ".data" / "chaos"
# As tests/chaos/conftest.py names the runs of a scenario.
_RUN = re.compile(
    r"\[(?P<scenario>[^\]]+?)-(?P<database>sqlite|postgresql)-seed(?P<seed>\d+)[^\]]*\]"
)


def run_all_scenarios(python: Path, arguments: list[str]) -> int:
    """Run them, print a summary, and leave `full-TIME.log` behind; the exit code is pytest's."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    log = FOLDER / f"full-{now:%Y%m%d-%H%M%S}.log"
    report = log.with_suffix(".xml")
    command = [str(python), "-m", "pytest", "tests/chaos", "--chaos=full", "-v"]
    command += [f"--junitxml={report}", "-o", "junit_family=xunit1", *arguments]
    code = _run(command, log)
    summary = _summary(report) if report.exists() else ["There is no report; see the log."]
    with log.open("a", encoding="utf-8") as file:
        file.write("\n".join(["", *summary, ""]))
    for line in summary:
        say(line)
    say(f"log: {log}")
    return code


def _run(command: list[str], log: Path) -> int:
    """Run a command, its output here and in the log. Ctrl-C ends it, and the summary follows."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        assert process.stdout is not None
        while True:
            try:
                while data := os.read(process.stdout.fileno(), 65_536):
                    file.write(data)
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)


def _summary(report: Path) -> list[str]:
    """One line for each scenario, and the whole."""
    runs: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest's own file
        named = _RUN.search(case.get("name", ""))
        scenario = named["scenario"] if named else "others"
        label = f"{named['database']} seed {named['seed']}" if named else case.get("name", "")
        runs[scenario].append((_outcome(case), label, float(case.get("time", 0))))
    lines = [
        _line(scenario, runs[scenario]) for scenario in sorted(runs, key=lambda s: (len(s), s))
    ]
    everything = [run for each in runs.values() for run in each]
    return [*lines, _line("all", everything)]


def _outcome(case: ElementTree.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        if case.find(kind) is not None:
            return kind
    return "passed"


def _line(name: str, runs: list[tuple[str, str, float]]) -> str:
    passed = sum(outcome == "passed" for outcome, _, _ in runs)
    seconds = sum(seconds for _, _, seconds in runs)
    others = "; ".join(f"{outcome}: {label}" for outcome, label, _ in runs if outcome != "passed")
    return f"{name:8} {passed} of {len(runs)} passed, {seconds:6.0f} s  {others}".rstrip()
