"""How figures went, from an answer of `/stats`."""

from __future__ import annotations

from typing import Any

from app.cli.courses import Course, buckets

FOUND: dict[str, Any] = {
    "begins_at": "2030-01-31T00:00:00Z",
    "ends_at": "2030-01-31T04:00:00Z",
    "bucket": "hour",
}
POINTS: list[dict[str, Any]] = [
    {"begins_at": "2030-01-31T01:00:00Z", "created": 5, "run": {"p90": 2.5}},
    {"begins_at": "2030-01-31T03:00:00Z", "created": 1200, "run": {"p90": None}},
]


def test_hours_in_which_nothing_happened_are_there() -> None:
    assert [time.hour for time in buckets(FOUND)] == [0, 1, 2, 3]


def test_counts_are_zero_where_nothing_happened() -> None:
    course = Course.of_counts("created", buckets(FOUND), POINTS, "created")
    assert course.row(80, plain=False) == ("created", "▁▂▁█", "1,200")


def test_times_have_gaps_where_nothing_happened() -> None:
    course = Course.of_times("run p90", buckets(FOUND), POINTS, "run")
    assert course.row(80, plain=True) == ("run p90", " #  ", "2.5s")
    assert Course.of_times("run p90", buckets(FOUND), [], "run").row(80, plain=False)[2] == ""


def test_a_narrow_terminal_gets_a_short_line() -> None:
    course = Course.of_counts("created", buckets(FOUND), POINTS, "created")
    assert course.row(2, plain=False)[1] == "▂█"
