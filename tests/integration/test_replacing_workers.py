"""How often another main process is started in the place of one that hears nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from functools import partial

import pytest

from app.domain.nodes import node_name
from app.worker import place as places
from app.worker.place import Place, Process


class Started:
    """Processes that only wait, with the names under which they were started."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.processes: list[Process] = []

    def __call__(self, name: str) -> Process:
        self.names.append(name)
        self.processes.append(subprocess.Popen(["sleep", "60"]))
        return self.processes[-1]


@pytest.fixture
def started() -> Iterator[Started]:
    """What a place starts; all of it ends with the test."""
    made = Started()
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


@pytest.fixture
def place(started: Started) -> Place:
    """A place in which a process works."""
    made = Place(partial(node_name, "worker-42", "host", 2), started)
    made.keep()
    return made


def test_the_successor_has_another_name_and_the_old_one_is_asked_to_end(
    place: Place, started: Started
) -> None:
    place.replace()
    assert started.processes[0].wait(5) != 0
    place.keep()
    assert started.names == ["worker-42_2@host", "worker-42_2.2@host"]
    assert place.name == "worker-42_2.2@host"


def test_one_that_crashed_comes_back_under_its_name_after_a_pause(
    place: Place, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    started.processes[0].kill()
    started.processes[0].wait(5)
    now = time.monotonic()
    began = [0.0]
    for tenth in range(1, 100):
        monkeypatch.setattr(time, "monotonic", lambda s=tenth / 10: now + s)
        place.keep()
        if len(started.names) > len(began):
            began.append(tenth / 10)
    assert started.names == ["worker-42_2@host"] * 2
    assert began[1] == pytest.approx(places.FIRST_PAUSE_SECONDS, abs=0.2)


def test_one_that_is_no_better_is_replaced_after_ever_longer_pauses(
    place: Place, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    replaced = []
    for second in range(600):
        monkeypatch.setattr(time, "monotonic", lambda s=second: now + s)
        before = place.name
        place.replace()
        place.keep()
        if place.name != before:
            replaced.append(second)
            started.processes[-2].wait(5)
    assert replaced == [0, 60, 180, 420]


def test_not_more_than_a_few_of_a_place_may_be_finishing_at_once(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "FIRST_REPLACE_PAUSE_SECONDS", 0.0)
    # They go on with what they run.
    monkeypatch.setattr(subprocess.Popen, "terminate", lambda _: None)
    place = Place(partial(node_name, "worker-42", "host", 2), started)
    for _ in range(places.MAX_RETIRING + 3):
        place.keep()
        place.replace()
    assert len(place.retiring) == places.MAX_RETIRING
    assert len(started.names) == places.MAX_RETIRING + 1


def test_at_the_end_only_what_was_not_asked_before_is_asked(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(subprocess.Popen, "terminate", lambda process: asked.append(process.pid))
    place = Place(partial(node_name, "worker-42", "host", 2), started)
    place.keep()
    place.replace()
    place.keep()
    assert place.end() == started.processes
    assert asked == [process.pid for process in started.processes]
