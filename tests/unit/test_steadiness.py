"""How long the database has answered without a break."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.worker.steadiness import Steadiness

Pass = Callable[..., None]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def steady() -> Steadiness:
    return Steadiness()


@pytest.fixture
def later(steady: Steadiness, monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Let time pass on both clocks, or on one of them, and have the database answer."""
    clocks = {"here": 0.0, "there": START}

    def go(seconds: float, *, here: float | None = None, answer: bool = True) -> None:
        clocks["here"] += seconds if here is None else here  # type: ignore[operator]
        clocks["there"] += timedelta(seconds=seconds)  # type: ignore[operator]
        if answer:
            steady.answered(clocks["there"])  # type: ignore[arg-type]

    monkeypatch.setattr(time, "monotonic", lambda: clocks["here"])
    go(0)
    return go


def test_answers_one_after_the_other_add_up(steady: Steadiness, later: Pass) -> None:
    for _ in range(30):
        later(1)
    assert steady.seconds() == 30


def test_a_failure_starts_the_count_again(steady: Steadiness, later: Pass) -> None:
    later(10)
    steady.failed()
    assert steady.seconds() == 0
    later(1)
    later(4)
    assert steady.seconds() == 4


def test_a_process_that_was_frozen_starts_again(steady: Steadiness, later: Pass) -> None:
    later(10)
    later(60)
    assert steady.seconds() == 0
    later(2)
    assert steady.seconds() == 2


def test_a_machine_that_slept_starts_again_though_its_own_clock_stood_still(
    steady: Steadiness, later: Pass
) -> None:
    later(10)
    later(3600, here=0.5)
    assert steady.seconds() == 0


def test_a_database_whose_clock_was_set_back_starts_the_count_again(
    steady: Steadiness, later: Pass
) -> None:
    later(10)
    later(-3600, here=0.5)
    assert steady.seconds() == 0


def test_answers_that_are_late_but_within_half_a_lease_go_on(
    steady: Steadiness, later: Pass
) -> None:
    for _ in range(3):
        later(14)  # LEASE_SECONDS is 30
    assert steady.seconds() == 42
