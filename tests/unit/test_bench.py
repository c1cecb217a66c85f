"""The benchmark counts, compares and reports rightly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench import calls, report, rounds, targets
from bench.backlog import Verdict
from bench.cpu import Reading, of_trees
from bench.rounds import Measured
from bench.targets import Target
from tests.support.processes import ROOT

ONE = Measured("B", 100, 1.0, 1000.0, 0.5, {"parent": 0.04, "broker": 0.01}, 0.02, (990.0, 1010.0))
TITLES = {"A": "tracked <all of it>", "B": "Celery"}
FASTER = Target("faster", "A", "B", 1.45)


def _round(ours: float, theirs: float) -> list[Measured]:
    return [replace(ONE, system="A", tasks_per_second=ours), replace(ONE, tasks_per_second=theirs)]


ROUNDS = [_round(1500, 1000), _round(1400, 1000), _round(3000, 1000)]


def test_calls_of_several_processes_add_up(tmp_path: Path) -> None:
    program = "from bench import calls\nfor _ in range(5): calls.add()"
    env = {**os.environ, calls.FOLDER: str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, check=True)
    counted = calls.read(tmp_path)
    assert counted.count == 10
    assert counted.first < counted.last


def test_nothing_is_counted_before_the_first_call(tmp_path: Path) -> None:
    assert calls.read(tmp_path).count == 0


def test_cpu_of_a_process_that_ended_counts_for_its_parent() -> None:
    before = sum(of_trees([os.getpid()]).values())
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    assert sum(of_trees([os.getpid()]).values()) - before > 0.05


def test_a_process_that_is_gone_has_no_cpu_time() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert of_trees([ended.pid]) == {}


def test_readings_give_their_difference_by_kind() -> None:
    before = Reading({"parent": 1.0}, machine=10.0)
    after = Reading({"parent": 1.5, "agent": 0.25}, machine=12.0)
    assert after.since(before) == {"parent": 0.5, "agent": 0.25}
    assert after.foreign_since(before, bench_seconds=0.25) == pytest.approx(1.0)


def test_ratios_are_taken_within_a_round() -> None:
    (judged,) = targets.judge(ROUNDS, [FASTER])
    assert (judged.ratio, judged.lowest, judged.highest) == (1.5, 1.4, 3.0)
    assert judged.word == "PASS"


def test_a_ratio_below_the_target_is_a_miss() -> None:
    (judged,) = targets.judge(ROUNDS, [replace(FASTER, least=1.51)])
    assert judged.word == "MISS"


def test_a_target_without_its_systems_is_left_out() -> None:
    assert targets.judge(ROUNDS, [replace(FASTER, system="D")]) == []


def test_a_summary_has_medians_and_the_range() -> None:
    ours, theirs = targets.summarise(ROUNDS)
    assert (ours.tasks_per_second, ours.lowest, ours.highest) == (1500, 1400, 3000)
    assert theirs.cpu_parts == pytest.approx({"parent": 0.4, "broker": 0.1})


def test_every_target_names_systems_that_exist() -> None:
    named = {name.split("-")[0] for each in targets.TARGETS for name in (each.system, each.other)}
    assert named == {"A", "A1", "B", "C", "D"}


def test_each_target_is_one_line_with_its_verdict() -> None:
    (line,) = report.lines(targets.judge(ROUNDS, [FASTER]))
    assert re.match(r"PASS  A/B  target 1.45  ratio 1.50  spread 1.40-3.00  CPU ratio 1.00", line)


def test_results_are_written_in_three_forms(tmp_path: Path) -> None:
    judged = targets.judge(ROUNDS, [FASTER])
    report.write(tmp_path, TITLES, ROUNDS, targets.summarise(ROUNDS), judged, {"cores": 2})
    assert {path.name for path in tmp_path.iterdir()} == {
        "execution.json", "execution.md", "execution.svg",
    }  # fmt: skip
    assert "| A / B | 1.45 | 1.50 |" in (tmp_path / "execution.md").read_text()
    plot = ET.fromstring((tmp_path / "execution.svg").read_text())
    assert "tracked <all of it>" in {text.text for text in plot.iter() if text.tag.endswith("text")}


@pytest.mark.parametrize("foreign", [0.02, 0.4])
def test_a_loud_machine_is_named(foreign: float) -> None:
    loud = [[replace(each, foreign=foreign) for each in one] for one in ROUNDS]
    text = report.markdown(TITLES, loud, targets.summarise(loud), [], {})
    assert ("not quiet" in text) is (foreign > report.QUIET)


def test_history_proves_only_what_ran_once() -> None:
    assert Verdict(rows=3, once=3, earlier_attempts=0).proves(3)
    assert not Verdict(rows=3, once=2, earlier_attempts=0).proves(3)
    assert not Verdict(rows=3, once=3, earlier_attempts=1).proves(3)
    assert not Verdict(rows=4, once=4, earlier_attempts=0).proves(3)


def test_flowers_metrics_are_understood() -> None:
    text = (
        'flower_events_total{task="t",type="task-succeeded",worker="w@h"} 1200.0\n'
        'flower_events_total{task="t",type="task-started",worker="w@h"} 7.0\n'
        'flower_worker_online{worker="w@h"} 1.0\n'
    )
    assert rounds._SUCCEEDED.findall(text) == ["1200.0"]
    assert rounds._ONLINE.findall(text) == ["1.0"]
