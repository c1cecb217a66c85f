"""Lines of blocks, bars and short durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.drawing import (
    BLOCKS,
    bar,
    flat,
    is_plain,
    mean,
    short_count,
    size,
    span,
    sparkline,
    squeeze,
)

VALUES = st.lists(st.none() | st.floats(0, 1e9), max_size=300)


def test_blocks_are_as_high_as_their_part_of_the_largest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BLOCKS
    assert sparkline([0, 50, 100]) == "▁▅█"


def test_only_zero_has_the_lowest_block() -> None:
    assert sparkline([0, 1, 1_000_000]) == "▁▂█"


def test_what_is_not_known_is_a_gap() -> None:
    assert sparkline([None, 3, None]) == " █ "
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_without_unicode_it_is_ascii() -> None:
    assert sparkline([0, 50, 100], plain=True) == "_=#"
    assert bar(50, 4, plain=True) == ("##", "--")
    assert [is_plain(name) for name in ("utf-8", "UTF8", "ascii", "iso8859-1", None)] == [
        False, False, True, True, True,
    ]  # fmt: skip


@given(VALUES)
def test_each_value_has_one_character(values: list[float | None]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    assert [char == " " for char in line] == [value is None for value in values]


@given(VALUES, st.integers(1, 100))
def test_squeezed_values_fit_and_keep_the_largest(values: list[float | None], width: int) -> None:
    squeezed = squeeze(values, width, max)
    assert len(squeezed) <= width
    known = [value for value in values if value is not None]
    assert max((v for v in squeezed if v is not None), default=None) == max(known, default=None)


def test_neighbours_are_merged_from_the_end() -> None:
    assert squeeze([9, 1, 3, 5, 7], 3, mean) == [9, 2, 6]
    assert squeeze([None, None, 4, None], 2, max) == [None, 4]
    assert squeeze([1, 2], 10, max) == [1, 2]


@pytest.mark.parametrize(("percent", "filled"), [(-5, 0), (0, 0), (50, 5), (100, 10), (250, 10)])
def test_a_bar_is_always_as_wide_as_asked(percent: float, filled: int) -> None:
    full, empty = bar(percent, 10)
    assert (len(full), len(full + empty)) == (filled, 10)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0.0s"), (0.44, "0.4s"), (9.97, "10s"), (59.4, "59s"), (59.9, "1m00"), (303, "5m03"),
        (7500, "2h05"), (90_000, "1d01"), (86_400 * 400, "400d"),
    ],
)  # fmt: skip
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_hostile_text_stays_on_its_line() -> None:
    assert flat("a\nb\tc\x1b[2J\u202ed") == r"a b c\x1b[2J\x202ed"
    assert len(flat("x" * 5_000_000)) == 400


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (9_999, "9999"), (10_000, "10.0k"), (99_949, "99.9k"), (99_950, "99k"),
        (999_999, "999k"), (1_000_000, "1.0M"), (45_600_000, "45.6M"),
    ],
)  # fmt: skip
def test_numbers_take_five_characters(count: int, text: str) -> None:
    assert short_count(count) == text


@pytest.mark.parametrize(("megabytes", "text"), [(0, "0M"), (9_999, "9999M"), (12_288, "12G")])
def test_sizes_take_five_characters(megabytes: int, text: str) -> None:
    assert size(megabytes * 2**20) == text
