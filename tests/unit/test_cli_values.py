"""What was typed, as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.cli.failures import CliError, ExitCode
from app.cli.output import clean
from app.cli.values import Priority, duration, json_or_text, moment, pairs, segment


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("60", 60),
        ("[1, 2]", [1, 2]),
        ('{"a": null}', {"a": None}),
        ('"60"', "60"),
        ("hello", "hello"),
        ("", ""),
        ("NaN", "NaN"),
        ("1e400", "1e400"),
        ("12345678901234567890123", 12345678901234567890123),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_arguments_are_json_where_they_are_json(word: str, value: object) -> None:
    assert json_or_text(word) == value


def test_keyword_arguments_keep_what_follows_the_first_equals_sign() -> None:
    assert pairs(["a=1", "b=x=y", "c="]) == {"a": 1, "b": "x=y", "c": ""}


@pytest.mark.parametrize("word", ["a", "=1", ""])
def test_keyword_argument_without_a_name_is_a_usage_error(word: str) -> None:
    with pytest.raises(CliError, match="name=value") as caught:
        pairs([word])
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("15M", timedelta(minutes=15)),
        ("90s", timedelta(seconds=90)),
        ("2w", timedelta(weeks=2)),
        ("never", None),
    ],
)
def test_durations(text: str, value: timedelta | None) -> None:
    assert duration(text) == value


@pytest.mark.parametrize("text", ["30", "d", "0d", "-1d", "1y", "", "1.5h", "9999999d"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(CliError, match="30d, 12h"):
        duration(text)


def test_a_time_is_given_as_one_or_as_its_age() -> None:
    assert moment("after", None, "newer", None) is None
    assert moment("after", "2030-01-31T08:00:00Z", "newer", None) == "2030-01-31T08:00:00Z"
    day_ago = datetime.fromisoformat(str(moment("after", None, "newer", "24h")))
    assert abs(datetime.now(UTC) - timedelta(days=1) - day_ago) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("time", "age", "said"),
    [
        ("2030-01-31T08:00:00Z", "24h", "--after or --newer, not both"),
        (None, "never", "--newer needs a duration"),
        (None, "999999w", "--newer 999999w is before the year 1"),
    ],
)
def test_a_time_that_is_none_is_a_usage_error(time: str | None, age: str, said: str) -> None:
    with pytest.raises(CliError, match=said) as caught:
        moment("after", time, "newer", age)
    assert caught.value.code is ExitCode.USAGE


def test_priorities_have_the_levels_of_the_api() -> None:
    assert [priority.level for priority in Priority] == [1, 2, 3, 4]


def test_nothing_printed_can_steer_the_terminal() -> None:
    assert clean("a\x1b[2Jb\r任务\n") == "a\\x1b[2Jb\\x0d任务\n"


def test_an_id_stays_one_segment_of_the_path() -> None:
    assert segment("a/../b?c") == "a%2F..%2Fb%3Fc"


@pytest.mark.parametrize("word", ["", ".", "..", " "])
def test_a_word_that_would_change_the_path_is_refused(word: str) -> None:
    with pytest.raises(CliError, match="is not an id"):
        segment(word)
