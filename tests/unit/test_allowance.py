"""How much a user may submit: a bucket of tokens, and what is known of how many tasks wait."""

from __future__ import annotations

import pytest

from app.domain.allowance import FILLED_PER_SECOND, LONGEST_SECONDS, Bucket, Room


def test_a_minutes_worth_may_come_at_once_and_then_at_the_rate() -> None:
    bucket = Bucket.full(60, now=0)
    for _ in range(60):
        assert bucket.wait(1, now=0) == 0
        bucket.take(1, now=0)
    assert bucket.wait(1, now=0) == pytest.approx(1)
    assert bucket.wait(10, now=4) == pytest.approx(6)
    assert bucket.wait(4, now=4) == 0


def test_who_was_quiet_for_long_has_no_more_than_a_minutes_worth() -> None:
    bucket = Bucket.full(60, now=0)
    bucket.take(60, now=0)
    assert bucket.wait(60, now=3600) == 0
    bucket.take(60, now=3600)
    assert bucket.wait(1, now=3600) > 0


def test_what_is_too_large_is_let_in_when_it_is_full_and_paid_off_afterwards() -> None:
    bucket = Bucket.full(60, now=0)
    assert bucket.wait(600, now=0) == 0
    bucket.take(600, now=0)
    assert bucket.wait(1, now=0) == pytest.approx(541)
    assert bucket.wait(0, now=0) == pytest.approx(540)
    assert bucket.wait(600, now=540) == pytest.approx(60)


def test_what_was_added_counts_until_it_is_counted() -> None:
    room = Room()
    assert room.is_due(10, now=0)
    room.count(7, added_before=0, began=0)
    room.added += 2
    assert (room.fits(1, 10), room.fits(2, 10)) == (True, False)
    # Of those two the look has seen one, which came before it began.
    room.count(5, added_before=1, began=1)
    assert room.waiting == 6


def test_the_more_room_there_is_the_more_seldom_it_is_looked_at() -> None:
    near, far = Room(), Room()
    near.count(95, 0, began=100.0)
    far.count(0, 0, began=100.0)
    assert (near.is_due(100, now=100.9), near.is_due(100, now=101)) == (False, True)
    most = 10 * FILLED_PER_SECOND
    assert (far.is_due(most, now=109), far.is_due(most, now=110)) == (False, True)
    assert far.is_due(10**9, now=100 + LONGEST_SECONDS)


def test_a_full_room_is_looked_at_anew_once_a_second() -> None:
    room = Room()
    room.count(100, 0, began=0)
    assert (room.is_fresh(now=0.9), room.is_fresh(now=1.0)) == (True, False)
