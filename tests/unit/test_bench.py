"""The benchmark counts calls and processor time rightly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import calls, drain, stamps
from bench.backlog import Verdict
from bench.cpu import Reading, of_trees
from tests.support.processes import ROOT


def _call(folder: Path, times: int) -> None:
    program = f"from bench import calls\nfor _ in range({times}): calls.add()"
    env = {**os.environ, calls.FOLDER: str(folder)}
    subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, check=True)


def test_calls_of_several_processes_add_up(tmp_path: Path) -> None:
    for _ in range(2):
        _call(tmp_path, 5)
    counted = calls.read(tmp_path)
    assert (counted.count, counted.processes) == (10, 2)
    assert counted.first < counted.last


def test_nothing_is_counted_before_the_first_call(tmp_path: Path) -> None:
    assert calls.read(tmp_path).count == 0


def test_a_new_generation_begins_the_count_anew(tmp_path: Path) -> None:
    _call(tmp_path, 5)
    calls.begin(tmp_path, 1)
    assert calls.read(tmp_path).count == 0
    _call(tmp_path, 3)
    assert calls.read(tmp_path).count == 3


def test_calls_of_threads_are_all_counted(tmp_path: Path) -> None:
    program = (
        "import threading; from bench import calls\n"
        "def many():\n    for _ in range(2000): calls.add()\n"
        "threads = [threading.Thread(target=many) for _ in range(4)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]"
    )
    env = {**os.environ, calls.FOLDER: str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, check=True)
    assert calls.read(tmp_path).count == 8000


def test_times_stand_at_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stamps"
    stamps.make(path, 3)
    monkeypatch.setenv(stamps.FILE, str(path))
    stamps.now(2)
    stamps.now(0)
    third, second, first = reversed(stamps.read(path))
    assert 0 < third <= first
    assert second == 0
    stamps.make(path, 3)
    assert stamps.read(path) == [0, 0, 0]


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
    assert drain.SUCCEEDED.findall(text) == ["1200.0"]
    assert drain.ONLINE.findall(text) == ["1.0"]
