"""Rates in words, which limit covers a task, and how many more it lets out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits import Limit, Rate, Rules, Use, celery_rate, parse_rate

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "rate"), [("10/s", Rate(10, 1)), ("100/m", Rate(100, 60)), ("5/h", Rate(5, 3600))]
)
def test_a_rate_is_read_and_written_alike(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate
    assert str(rate) == text


@pytest.mark.parametrize(
    "text", ["", "10", "0/s", "-1/s", "1.5/s", "1/d", "١/s", "100001/s", "1/s "]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="10/s"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        (None, None),
        (0, None),
        ("0/s", None),
        (4, Rate(4, 1)),
        ("4", Rate(4, 1)),
        ("4/m", Rate(4, 60)),
        (0.5, Rate(1, 2)),
        ("0.5/m", Rate(1, 120)),
    ],
)
def test_celerys_rate_means_what_it_does_there(
    value: str | float | None, rate: Rate | None
) -> None:
    assert celery_rate(value) == rate


@pytest.mark.parametrize("value", ["often", "4/d", -1, "nan"])
def test_what_celery_would_not_read_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match="10/s"):
        celery_rate(value)


def test_the_closest_limit_of_a_key_counts() -> None:
    names = ("*", "customer:*", "customer:vip:*", "customer:vip:1")
    rules = Rules.of(Limit("key", name, 1) for name in names)
    for key, name in (
        ("x", "*"),
        ("customer:1", "customer:*"),
        ("customer:vip:2", "customer:vip:*"),
        ("customer:vip:1", "customer:vip:1"),
    ):
        covering = rules.covering("q", "f", key)
        assert {bucket: limit.name for bucket, limit in covering.items()} == {f"key:{key}": name}
    assert rules.covering("q", "f", None) == {}


def test_kinds_do_not_mix() -> None:
    limits = [Limit(kind, "same", 1) for kind in ("queue", "task", "key")]
    covering = Rules.of(limits).covering("same", "other", "same")
    assert sorted(covering) == ["key:same", "queue:same"]


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 20)), max_size=60),
)
def test_no_period_sees_more_than_the_rate(most: int, wishes: list[tuple[int, int]]) -> None:
    """Whenever somebody asks, and for however many; each starts at once."""
    limit = Limit("task", "f", rate=Rate(most, 1.0))
    use, now, out = Use(), 10**15, list[tuple[int, int]]()
    for later, wanted in wishes:
        now += later
        got = min(wanted, use.free(limit, now))
        if got:
            assert limit.rate
            use = Use(slots=use.handed_out(limit.rate, got, now))
            out.append((now, got))
    for begin, _ in out:
        assert sum(got for at, got in out if begin <= at < begin + SECOND) <= most


@given(st.integers(1, 5), st.integers(0, SECOND))
def test_the_wait_that_is_told_is_enough_and_hardly_more(most: int, later: int) -> None:
    limit = Limit("task", "f", rate=Rate(most, 1.0))
    begin = 10**15 + later
    assert limit.rate
    use = Use(slots=Use().handed_out(limit.rate, most, begin))
    wait = use.wait(limit, begin)
    assert wait is not None
    assert 1.0 <= wait <= 1.06
    assert use.free(limit, begin + round(wait * SECOND)) == most


@given(st.integers(1, 5), st.integers(0, 100 * SECOND))
def test_a_clock_that_goes_back_stops_a_rate_for_two_periods_at_most(most: int, back: int) -> None:
    limit = Limit("task", "f", rate=Rate(most, 1.0))
    assert limit.rate
    use, now = Use(slots=Use().handed_out(limit.rate, most, 10**15)), 10**15 - back
    wait = use.wait(limit, now)
    if wait is not None:
        assert wait <= 2.06
        now += round(wait * SECOND)
    assert use.free(limit, now) == most
