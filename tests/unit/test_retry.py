"""How many attempts, and how long between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.retry import CRASH_BACKOFF_MAX_SECONDS, RetryPolicy, crash_wait


@pytest.mark.parametrize(
    ("policy", "attempts"),
    [
        (RetryPolicy(), 1),
        (RetryPolicy(autoretry=True), 4),
        (RetryPolicy(max_retries=0), 1),
        (RetryPolicy(max_retries=5), 6),
        (RetryPolicy(max_retries=5, autoretry=True), 6),
        (RetryPolicy(max_retries=5000), 1000),
    ],
)
def test_one_attempt_unless_retries_were_asked_for(policy: RetryPolicy, attempts: int) -> None:
    assert policy.max_attempts == attempts


def test_without_backoff_every_retry_waits_the_same() -> None:
    assert [RetryPolicy(delay=7).wait(retries) for retries in range(3)] == [7, 7, 7]


def test_backoff_doubles_up_to_its_limit() -> None:
    policy = RetryPolicy(backoff=2, backoff_max=10, jitter=False)
    assert [policy.wait(retries) for retries in range(5)] == [2, 4, 8, 10, 10]


@given(st.integers(0, 10_000), st.floats(0.001, 1e6))
def test_jitter_draws_from_zero_to_the_ceiling(retries: int, backoff: float) -> None:
    policy = RetryPolicy(backoff=backoff, backoff_max=600)
    ceiling = RetryPolicy(backoff=backoff, backoff_max=600, jitter=False).wait(retries)
    assert 0 <= policy.wait(retries) <= ceiling <= 600


def test_the_wait_after_a_crash_doubles_and_is_bounded() -> None:
    assert [crash_wait(crashes) for crashes in (1, 2, 3)] == [1, 2, 4]
    assert crash_wait(100) == CRASH_BACKOFF_MAX_SECONDS
