"""How often a supervisor starts another worker in the place of one that hears nothing."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.worker import supervisor
from app.worker.supervisor import Supervisor, WorkerOptions


@pytest.fixture
def keeping() -> Iterator[Supervisor]:
    """A supervisor whose worker is a process that only waits."""
    made = Supervisor(WorkerOptions())
    _start(made)
    yield made
    for process in [*made._retiring, *(kept.process for kept in made._kept)]:
        if process is not None:
            process.kill()
            process.wait()
    shutil.rmtree(Path(made._keeper.path).parent)


def _start(made: Supervisor) -> None:
    (kept,) = made._kept
    kept.process = subprocess.Popen(["sleep", "60"])


def _wanted(made: Supervisor) -> None:
    """The agent says that it wants the present worker replaced."""
    (kept,) = made._kept
    made._to_replace.add(kept.name)
    made._replace(kept)


def test_the_successor_has_another_name_and_the_old_one_is_asked_to_end(
    keeping: Supervisor,
) -> None:
    (kept,) = keeping._kept
    before, old = kept.name, kept.process
    _wanted(keeping)
    assert old is not None
    assert kept.process is None
    assert kept.restart_at <= time.monotonic()
    assert kept.name == before.replace("@", ".2@")
    assert old.wait(5) != 0


def test_one_that_is_no_better_is_replaced_after_ever_longer_pauses(
    keeping: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = keeping._kept
    now = time.monotonic()
    replaced = []
    for second in range(600):
        monkeypatch.setattr(time, "monotonic", lambda s=second: now + s)
        if kept.process is None:
            _start(keeping)
            keeping._retiring = []
        number = kept.number
        _wanted(keeping)
        if kept.number != number:
            replaced.append(second)
    assert replaced == [0, 60, 180, 420]


def test_not_more_than_a_few_may_be_finishing_at_once(
    keeping: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_REPLACE_PAUSE_SECONDS", 0.0)
    (kept,) = keeping._kept
    kept.replace_pause = 0.0
    for _ in range(supervisor.MAX_RETIRING):
        _wanted(keeping)
        _start(keeping)
    _wanted(keeping)
    assert kept.process is not None
    assert len(keeping._retiring) == supervisor.MAX_RETIRING
