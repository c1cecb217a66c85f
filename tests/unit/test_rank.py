"""Strict priorities with ageing, as one number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rank import Priority, broker_priority, level, offset

HOUR = 3600 * 1_000_000
NOW = 1_795_539_897_000_000
AGEING = 3600.0
PRIORITY = st.sampled_from(Priority)
AGE = st.integers(0, 1000 * HOUR)


def rank(priority: Priority, age: int = 0) -> int:
    """The rank of a row that became ready `age` microseconds ago."""
    return NOW - age - offset(priority, AGEING)


@given(PRIORITY, PRIORITY)
def test_of_two_that_became_ready_together_the_more_urgent_is_first(
    one: Priority, other: Priority
) -> None:
    assert (rank(one) < rank(other)) == (one > other)


@given(PRIORITY, st.integers(0, HOUR), st.integers(0, HOUR))
def test_within_a_priority_the_older_is_first(priority: Priority, one: int, other: int) -> None:
    assert (rank(priority, one) < rank(priority, other)) == (one > other)


@given(PRIORITY)
def test_a_fresh_row_is_worth_its_own_priority(priority: Priority) -> None:
    assert level(rank(priority), NOW, AGEING) == priority


@pytest.mark.parametrize(
    ("priority", "hours", "worth"),
    [
        (Priority.LOW, 0.99, Priority.LOW),
        (Priority.LOW, 1, Priority.NORMAL),
        (Priority.LOW, 2, Priority.HIGH),
        (Priority.LOW, 10_000, Priority.HIGH),
        (Priority.NORMAL, 1, Priority.HIGH),
        (Priority.HIGH, 10_000, Priority.HIGH),
        (Priority.CRITICAL, 10_000, Priority.CRITICAL),
    ],
)
def test_one_level_for_every_ageing_period_waited(
    priority: Priority, hours: float, worth: Priority
) -> None:
    assert level(rank(priority, round(hours * HOUR)), NOW, AGEING) == worth


@given(st.sampled_from([Priority.LOW, Priority.NORMAL, Priority.HIGH]), AGE, AGE)
def test_nothing_overtakes_critical(priority: Priority, age: int, other: int) -> None:
    assert rank(Priority.CRITICAL, age) < rank(priority, other)
    assert level(rank(priority, other), NOW, AGEING) < Priority.CRITICAL


@given(PRIORITY, AGE, PRIORITY, AGE)
def test_rank_order_is_level_order(one: Priority, age: int, other: Priority, age2: int) -> None:
    first, second = rank(one, age), rank(other, age2)
    if first <= second:
        assert level(first, NOW, AGEING) >= level(second, NOW, AGEING)


@given(PRIORITY, st.integers(1, HOUR))
def test_a_row_that_is_not_ready_yet_is_worth_no_more_than_its_priority(
    priority: Priority, ahead: int
) -> None:
    assert level(rank(priority, -ahead), NOW, AGEING) <= priority


def test_celery_counts_the_other_way_round() -> None:
    assert [broker_priority(each) for each in Priority] == [9, 6, 3, 0]
