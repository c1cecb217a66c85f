"""Progress and lines of an attempt, as its worker gathers and writes them."""

from __future__ import annotations

import logging

import pytest

from app.core.text import MAX_LINE
from app.queries import tasks
from app.worker import reports
from app.worker.claim import Claim
from tests.support.world import NOOP, QUEUE, Pair, World


@pytest.fixture(autouse=True)
def own_connections(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's connections go to the test's database."""
    monkeypatch.setattr(reports, "relaxed_database", lambda: world.database)


def gatherer(pair: Pair) -> reports.Reports:
    claim = Claim(
        task_id=pair[0],
        celery_id=pair[1],
        attempt=1,
        tries=1,
        max_attempts=1,
        requeue_on_interrupt=False,
        args=[],
        kwargs={},
        queue=QUEUE,
        name=NOOP,
    )
    claim.changed = lambda: None  # type: ignore[method-assign]
    return reports.Reports(claim)


def lines(world: World, pair: Pair) -> list[str]:
    """What is kept with the task."""
    found = world.database.execute(tasks.logs(pair[0], 0, 5000)).all()
    return [row.message for row in found]


def test_lines_are_kept_in_order(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    for number in range(20):
        gathered.line(f"line {number}", "info" if number % 3 else "warning")
    gathered.write()
    assert lines(world, pair) == [f"line {number}" for number in range(20)]


def test_whatever_a_level_is_the_line_is_kept(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    for level in (logging.WARNING, "a\x00b", "x" * 1000, None):
        gathered.line("line", level)  # type: ignore[arg-type] # what authors write
    gathered.write()
    kept = [row.level for row in world.database.execute(tasks.logs(pair[0], 0, 10)).all()]
    assert (kept[:2], len(kept[2]) <= reports.MAX_LEVEL, kept[3]) == (
        ["30", "a\\x00b"],
        True,
        "None",
    )


def test_a_thousand_lines_are_kept_and_the_last_says_so(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    for number in range(1500):
        gathered.line(f"line {number}", "info")
    gathered.write()
    kept = lines(world, pair)
    assert len(kept) == reports.MAX_LINES == 1000
    assert kept[-1] == reports.LIMIT_LINE


def test_a_long_or_dirty_line_is_cut_and_cleaned(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    gathered.line("x" * 100_000, "info")
    gathered.line("a\x00b\ud800", "info")
    gathered.write()
    long, dirty = lines(world, pair)
    assert len(long) <= MAX_LINE + 16
    assert "\x00" not in dirty


def test_progress_is_bounded_and_the_message_cleaned(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    gathered.progress(250, "a\x00b")
    gathered.write()
    row = world.row(pair[0])
    assert (row.progress, row.progress_message) == (100, "a\\x00b")


def test_a_report_that_is_refused_tells_the_attempt_that_it_is_lost(world: World) -> None:
    pair = world.running()
    gathered = gatherer(pair)
    world.settle(pair)
    gathered.progress(50, None)
    gathered.write()
    assert gathered._claim.lost
