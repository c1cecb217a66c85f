"""Durations in buckets, and what is known of them afterwards."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain import histogram
from app.domain.histogram import MOST_DOUBLINGS, RELATIVE_ERROR, STEPS

YEARS = 30 * 365 * 86_400 * 1_000_000
DURATIONS = st.integers(0, YEARS) | st.integers(0, 10_000_000)


@given(DURATIONS)
@example(999)
@example(1000)
@example(2000)
def test_a_duration_lies_within_its_bucket(micros: int) -> None:
    low, high = histogram.bounds(histogram.bucket_of(micros))
    assert low <= micros < high


@given(DURATIONS)
def test_a_duration_is_known_to_a_sixteenth_or_half_a_millisecond(micros: int) -> None:
    known = histogram.seconds(histogram.bucket_of(micros)) * 1_000_000
    assert abs(known - micros) <= max(micros * RELATIVE_ERROR, 500)


def test_buckets_follow_one_another_without_a_gap() -> None:
    edges = [histogram.bounds(bucket) for bucket in range(1 + STEPS * (MOST_DOUBLINGS + 1))]
    assert all(one[1] == other[0] for one, other in pairwise(edges))


def test_what_is_too_long_or_negative_is_counted_at_the_ends() -> None:
    last = STEPS * (MOST_DOUBLINGS + 1)
    assert histogram.bucket_of(10**30) == last
    assert histogram.bucket_of(-5) == 0


@given(st.lists(DURATIONS, min_size=1, max_size=200))
def test_percentiles_are_those_of_the_durations_within_the_stated_error(
    durations: list[int],
) -> None:
    counted: histogram.Histogram = {}
    for micros in durations:
        histogram.add(counted, {histogram.bucket_of(micros): 1})
    ordered = sorted(durations)
    for percent, found in zip(
        (50, 90, 99), histogram.percentiles(counted, (50, 90, 99)), strict=True
    ):
        exact = ordered[math.ceil(percent * len(ordered) / 100) - 1]
        assert found is not None
        assert abs(found * 1_000_000 - exact) <= max(exact * RELATIVE_ERROR, 500)


def test_nothing_has_no_percentiles() -> None:
    assert histogram.percentiles({}, (50, 90)) == [None, None]


@given(st.dictionaries(st.integers(0, 320), st.integers(1, 10**9)))
def test_a_packed_histogram_is_the_same_again(counted: histogram.Histogram) -> None:
    assert histogram.unpack(histogram.pack(counted)) == counted


def test_half_a_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        histogram.unpack([1, 2, 3])


EDGES = st.sampled_from([0.01, 0.1, 1.0, 60.0, 3600.0])


@given(st.lists(DURATIONS, min_size=1, max_size=200), EDGES)
def test_a_coarse_bound_is_off_by_a_sixteenth_at_most(durations: list[int], edge: float) -> None:
    counted: histogram.Histogram = {}
    for micros in durations:
        histogram.add(counted, {histogram.bucket_of(micros): 1})
    low, high = (edge * 1_000_000 * (1 + error) for error in (-RELATIVE_ERROR, RELATIVE_ERROR))
    found, everything = histogram.cumulative(counted, [edge, math.inf])
    assert sum(each <= low for each in durations) <= found
    assert found <= sum(each <= high for each in durations)
    assert everything == len(durations)


@given(st.lists(DURATIONS, min_size=1, max_size=50), DURATIONS)
def test_what_is_counted_more_often_is_never_less(durations: list[int], more: int) -> None:
    edges = [0.01, 1.0, 60.0]
    counted: histogram.Histogram = {}
    for micros in durations:
        histogram.add(counted, {histogram.bucket_of(micros): 1})
    before = histogram.cumulative(counted, edges), histogram.total_seconds(counted)
    histogram.add(counted, {histogram.bucket_of(more): 1})
    after = histogram.cumulative(counted, edges), histogram.total_seconds(counted)
    assert all(old <= new for old, new in zip(before[0], after[0], strict=True))
    assert before[1] <= after[1]
