"""Which rows may be in the broker, and how many travel in one message."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rank import Priority, offset
from app.domain.window import (
    FULL_REST_SECONDS,
    LONGEST_REST_SECONDS,
    MAX_SLICE,
    MAX_WINDOW,
    MIN_WINDOW,
    QUICK_SECONDS,
    SAMPLES_BEFORE_SLICING,
    Runtime,
    admit,
    group,
    rest,
    slice_size,
    window,
)

NOW = 1_795_539_897_000_000
AGEING = 3600.0
PRIORITIES = st.lists(st.sampled_from(Priority), max_size=30)
OUT = st.dictionaries(st.sampled_from([int(each) for each in Priority]), st.integers(0, 10))
SHORT = Runtime(SAMPLES_BEFORE_SLICING, 0.001, 0.002)


@pytest.mark.parametrize(
    ("slots", "rate", "size"),
    [(0, 0, MIN_WINDOW), (1, 0, MIN_WINDOW), (32, 0, 128), (8, 500, 1000), (8, 1e9, MAX_WINDOW)],
)
def test_the_window_keeps_every_slot_busy_until_it_is_refilled(
    slots: int, rate: float, size: int
) -> None:
    assert window(slots, rate, 1.0) == size


def candidates(priorities: list[Priority]) -> list[tuple[uuid.UUID, int]]:
    """Fresh rows of these priorities, in rank order."""
    ranked = [(uuid.uuid4(), NOW - offset(priority, AGEING)) for priority in priorities]
    return sorted(ranked, key=lambda each: each[1])


@given(PRIORITIES, OUT, st.integers(1, 8))
def test_what_is_out_of_a_priority_or_a_higher_one_never_passes_the_window(
    priorities: list[Priority], out: dict[int, int], size: int
) -> None:
    admitted = admit(candidates(priorities), out, size, NOW, AGEING)
    for floor in Priority:
        before = sum(count for each, count in out.items() if each >= floor)
        new = sum(len(ids) for each, ids in admitted.items() if each >= floor)
        assert not admitted.get(floor) or before + new <= size


@given(PRIORITIES, OUT, st.integers(1, 8))
def test_a_row_is_left_out_only_for_want_of_room(
    priorities: list[Priority], out: dict[int, int], size: int
) -> None:
    admitted = admit(candidates(priorities), out, size, NOW, AGEING)
    wanted = Counter(priorities)
    for own in Priority:
        got = len(admitted.get(own, []))
        ahead = sum(count for each, count in out.items() if each >= own)
        ahead += sum(len(ids) for each, ids in admitted.items() if each >= own)
        assert got == wanted[own] or ahead >= size


def test_low_hints_leave_the_whole_window_to_critical() -> None:
    admitted = admit(candidates([Priority.CRITICAL] * 5), {Priority.LOW: 4}, 4, NOW, AGEING)
    assert len(admitted[Priority.CRITICAL]) == 4


@pytest.mark.parametrize(
    ("runtime", "backlog", "slots", "size"),
    [
        (None, 1000, 2, 1),
        (Runtime(SAMPLES_BEFORE_SLICING - 1, 0.001, 0.001), 1000, 2, 1),
        (Runtime(100, 0.001, 5.0), 1000, 2, 1),
        (Runtime(100, 0.050, 0.060), 1000, 2, 2),
        (Runtime(100, 0.0, 0.0), 1000, 2, MAX_SLICE),
        (SHORT, 1000, 2, MAX_SLICE),
        (SHORT, 40, 2, 10),
        (SHORT, 3, 2, 1),
        (SHORT, 0, 0, 1),
    ],
)
def test_a_slice_fills_a_tenth_of_a_second_of_known_short_work(
    runtime: Runtime | None, backlog: int, slots: int, size: int
) -> None:
    assert slice_size(runtime, backlog, slots) == size


@given(
    st.lists(st.sampled_from("abc"), max_size=40),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)),
)
def test_grouping_loses_nothing_and_mixes_nothing(names: list[str], sizes: dict[str, int]) -> None:
    rows = list(enumerate(names))
    messages = group(rows, names, sizes)
    assert sorted(row for message in messages for row in message) == rows
    for message in messages:
        assert len({name for _, name in message}) == 1
        assert len(message) <= sizes.get(message[0][1], 1)
        assert message == sorted(message)


@pytest.mark.parametrize(
    ("took", "rows", "seconds"),
    [
        (QUICK_SECONDS, 1, 0.0),
        (QUICK_SECONDS + 0.02, 0, 0.08),
        (QUICK_SECONDS + 0.02, 31, 0.08),
        (QUICK_SECONDS + 0.02, 32, 0.0),
        (60.0, 1, LONGEST_REST_SECONDS),
    ],
)
def test_a_slow_feed_that_finds_little_is_followed_by_a_rest(
    took: float, rows: int, seconds: float
) -> None:
    assert rest(took, rows, 64) == pytest.approx(seconds)


def test_a_feed_that_finds_the_window_full_is_followed_by_a_moment_of_rest() -> None:
    assert rest(0.001, 0, 64, full=True) == FULL_REST_SECONDS
    assert rest(0.001, 0, 64) == 0.0
    assert rest(1.0, 0, 64, full=True) == LONGEST_REST_SECONDS
