"""Profiles of missed lines are read and divided rightly."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench import profiles, sampling
from bench.line import Line, Measured, Round, judge, summarise
from bench.sampling import Frame, Sampler, Samples

LINE = Line(
    key="x.y", meaning="us / them", measure="tasks_per_second", pairs=[("A", "B")], target=0.8
)
CLAIM, POLL = Frame("app.claims.claim", "sqlalchemy"), Frame("celery.loop.poll", "celery")
# Half a millisecond of each core is used by a task, of which one passes each 0.5 ms.
OURS = Measured("A", {"tasks_per_second": 2000.0}, {"children": 0.6, "postgresql": 0.4})
THEIRS = Measured("B", {"tasks_per_second": 5000.0}, {"children": 0.2})
SEEN = {
    "A": Samples({"children": Counter({CLAIM: 3, POLL: 1})}),
    "B": Samples({"children": Counter({POLL: 5})}),
}


def _written(tmp_path: Path, line: Line = LINE) -> str:
    rounds = [Round([OURS, THEIRS])]
    (path,) = profiles.write_all([judge(line, rounds, {})], summarise(rounds), SEEN)
    return path.read_text()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles.write, "__defaults__", (tmp_path,))


def test_a_sample_is_named_after_our_innermost_function_and_the_package_that_ran() -> None:
    raw = (
        "run (/x/.venv/lib/python3.13/site-packages/celery/loop.py);"
        "claim (/somewhere/app/worker/claim.py);"
        "execute (/x/.venv/lib/python3.13/site-packages/sqlalchemy/engine/base.py) 3\n"
        "run (celery/loop.py);poll (celery/utils/__init__.py) 2\n"
        "claim (app/worker/claim.py:17) 1\n"
        "\n"
    )
    assert sampling.read(raw) == {
        Frame("app.worker.claim.claim", "sqlalchemy"): 3,
        Frame("celery.utils.poll", "celery"): 2,
        Frame("app.worker.claim.claim", "app"): 1,
    }


def test_frames_of_a_rate_add_up_to_the_time_of_a_task(tmp_path: Path) -> None:
    text = _written(tmp_path, replace(LINE, target=9.0))
    assert "| `app.claims.claim` | sqlalchemy | 0.2250 |" in text
    assert "| `celery.loop.poll` | celery | 0.0750 |" in text
    assert "| `postgresql.process` | postgresql | 0.2000 |" in text
    found = profiles.note("x.y", tmp_path)
    assert found is not None
    assert found.explained == pytest.approx(0.5)


def test_what_passes_while_nothing_runs_is_named(tmp_path: Path) -> None:
    idle = replace(OURS, parts={"children": 0.1})
    rounds = [Round([idle, THEIRS])]
    (path,) = profiles.write_all([judge(LINE, rounds, {})], summarise(rounds), SEEN)
    assert "| `system.waiting` | disk, broker, each other | 0.4000 | 0.0000 |" in path.read_text()


def test_what_both_do_is_no_part_of_the_gap(tmp_path: Path) -> None:
    text = _written(tmp_path)
    assert "| `celery.loop.poll` | celery | 0.0750 | 0.2000 | -0.1250 |" in text
    assert "| `app.claims.claim` | sqlalchemy | 0.2250 | 0.0000 | 0.2250 |" in text


def test_percentages_are_divided_as_they_are(tmp_path: Path) -> None:
    line = replace(LINE, measure="core_percent", pairs=[("A", None)], target=2.0, at_most=True)
    values = {"core_percent": 3.0, "children_percent": 2.0, "broker_percent": 1.0}
    rounds = [Round([Measured("A", values)])]
    (path,) = profiles.write_all([judge(line, rounds, {})], summarise(rounds), SEEN)
    text = path.read_text()
    assert "| `app.claims.claim` | sqlalchemy | 1.5000 |" in text
    assert "| `broker.process` | broker | 1.0000 |" in text


def test_what_a_question_costs_is_divided_as_it_is(tmp_path: Path) -> None:
    line = replace(LINE, measure="p95_ms", pairs=[("A", None)], target=2.0, at_most=True)
    parts = {"children": 2.0, "broker": 1.0}
    rounds = [Round([Measured("A", {"p95_ms": 4.0}, parts)])]
    (path,) = profiles.write_all([judge(line, rounds, {})], summarise(rounds), SEEN)
    assert "`broker.process` | broker | 1.0000 |" in path.read_text()
    found = profiles.note("x.y", tmp_path)
    assert found is not None
    assert found.explained == pytest.approx(3.0)


def test_a_line_that_holds_or_was_not_sampled_gets_no_note(tmp_path: Path) -> None:
    rounds = [Round([OURS, THEIRS])]
    held = judge(replace(LINE, target=0.1), rounds, {})
    assert profiles.write_all([held], summarise(rounds), SEEN) == []
    assert profiles.write_all([judge(LINE, rounds, {})], summarise(rounds), {}) == []


def _burn() -> None:
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        pass


def test_a_running_process_is_sampled(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path)
    with sampler.watching("me", [os.getpid()]):
        _burn()
    functions = {frame.function for kind in sampler.seen["me"].by_kind.values() for frame in kind}
    assert any(name.endswith("test_bench_sampling._burn") for name in functions)
