"""Slots: intervals that do not drift, missed ones left out, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import cron

BERLIN = "Europe/Berlin"
START = datetime(2026, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def slots(definition: cron.Definition, start: datetime, end: datetime) -> list[datetime]:
    found = []
    slot = cron.following(definition, start)
    while slot is not None and slot <= end:
        found.append(slot)
        slot = cron.advance(definition, slot, slot)
    return found


@given(
    seconds=st.floats(0.1, 1e6),
    late=st.floats(0, 1e7),
)
def test_interval_goes_on_from_the_slot_and_always_into_the_future(
    seconds: float, late: float
) -> None:
    definition = cron.interval(seconds)
    now = START + timedelta(seconds=late)
    following = cron.advance(definition, START, now)
    step = timedelta(microseconds=round(seconds * 1e6))
    assert following is not None
    assert now < following <= now + step
    assert (following - START) % step == timedelta(0)


def test_late_firing_does_not_shift_the_next_slot() -> None:
    definition = cron.interval(60)
    assert cron.advance(definition, START, START + timedelta(seconds=59)) == START + timedelta(
        minutes=1
    )


def test_clock_that_went_back_does_not_repeat_a_slot() -> None:
    definition = cron.interval(60)
    following = cron.advance(definition, START, START - timedelta(hours=1))
    assert following == START + timedelta(minutes=1)


def test_missed_cron_slots_are_left_out() -> None:
    hourly = cron.cron("0 * * * *", "UTC")
    assert cron.advance(hourly, START, utc("2026-01-03T04:30")) == utc("2026-01-03T05:00")


@pytest.mark.parametrize("seconds", [0, -5, 0.01, 1e12, float("nan"), float("inf")])
def test_interval_out_of_range_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        cron.interval(seconds)


@pytest.mark.parametrize(
    ("expression", "zone", "message"),
    [
        ("every day", "UTC", "not a cron expression"),
        ("99 * * * *", "UTC", "not a cron expression"),
        ("0 0 32 2 *", "UTC", "not a cron expression"),
        ("0 0 * * MON#2/3", "UTC", "not a cron expression"),
        ("0 0 * *", "UTC", "has 4 fields"),
        ("0 0 0 * * *", "UTC", "has 6 fields"),
        ("0 0 30 2 *", "UTC", "never fires: those months have no such day"),
        ("0 0 * * *", "Mars/Olympus", "not a time zone"),
        ("0 0 * * *", "localtime", "not a time zone"),
    ],
)
def test_cron_that_cannot_be_used_is_refused(expression: str, zone: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cron.cron(expression, zone)


def test_both_day_fields_must_match_when_weekdays_are_given() -> None:
    friday_13th = cron.cron("0 9 13 * *", "UTC", [5])
    assert slots(friday_13th, utc("2026-01-01"), utc("2026-12-31")) == [
        utc("2026-02-13T09:00"),
        utc("2026-03-13T09:00"),
        utc("2026-11-13T09:00"),
    ]


def test_leap_day_on_one_weekday_is_found() -> None:
    rare = cron.cron("0 0 29 2 *", "UTC", [0])
    assert cron.following(rare, utc("2026-01-01")) == utc("2032-02-29")


def test_daily_job_fires_once_a_day_through_a_whole_year_of_clock_changes() -> None:
    for hour in range(24):
        daily = cron.cron(f"30 {hour} * * *", BERLIN)
        found = slots(daily, local("2026-01-01T00:00"), local("2026-12-31T23:59"))
        days = [slot.astimezone(ZoneInfo(BERLIN)).date() for slot in found]
        assert len(days) == len(set(days)) == 365


def test_job_in_the_hour_that_spring_leaves_out_fires_right_after_it() -> None:
    daily = cron.cron("30 2 * * *", BERLIN)
    found = slots(daily, local("2026-03-28T12:00"), local("2026-03-30T12:00"))
    assert found == [local("2026-03-29T03:00"), local("2026-03-30T02:30")]


def test_job_in_the_hour_that_autumn_repeats_fires_in_the_first_of_the_two() -> None:
    daily = cron.cron("30 2 * * *", BERLIN)
    found = slots(daily, local("2026-10-24T12:00"), local("2026-10-26T12:00"))
    assert found == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]


def test_restart_within_the_repeated_hour_does_not_fire_the_daily_job_again() -> None:
    daily = cron.cron("30 2 * * *", BERLIN)
    # 02:15 for the second time; the job fired 45 minutes ago.
    assert cron.following(daily, utc("2026-10-25T01:15")) == utc("2026-10-26T01:30")


def test_quarter_hours_go_on_evenly_through_both_changes() -> None:
    quarter = cron.cron("*/15 * * * *", BERLIN)
    for day in ("2026-03-29", "2026-10-25"):
        found = slots(quarter, utc(f"{day}T00:00"), utc(f"{day}T04:00"))
        assert {b - a for a, b in pairwise(found)} == {timedelta(minutes=15)}


# Zones whose clocks change at different times of the day, by different steps, in either half-year:
# at 02:00 and 03:00 by one hour, at midnight by one hour, at 02:00 by half an hour.
CHANGES = [
    ("Europe/Berlin", "30 2 * * *", "2026-03-28", ["03-28 02:30", "03-29 03:00", "03-30 02:30"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24", ["10-24 02:30", "10-25 02:30", "10-26 02:30"]),
    ("Africa/Cairo", "30 0 * * *", "2026-04-23", ["04-23 00:30", "04-24 01:00", "04-25 00:30"]),
    ("Africa/Cairo", "30 23 * * *", "2026-10-28", ["10-28 23:30", "10-29 23:30", "10-30 23:30"]),
    (
        "Australia/Lord_Howe", "15 2 * * *", "2026-10-03",
        ["10-03 02:15", "10-04 02:30", "10-05 02:15"],
    ),
    (
        "Australia/Lord_Howe", "45 1 * * *", "2026-04-04",
        ["04-04 01:45", "04-05 01:45", "04-06 01:45"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "expression", "day", "expected"), CHANGES)
def test_daily_job_fires_once_on_each_day_around_a_change_of_the_clocks(
    zone: str, expression: str, day: str, expected: list[str]
) -> None:
    daily = cron.cron(expression, zone)
    first = cron.following(daily, local(f"{day}T00:00", zone))
    found = [slot.astimezone(ZoneInfo(zone)) for slot in cron.upcoming(daily, first, 3)]
    assert [f"{slot:%m-%d %H:%M}" for slot in found] == expected
    # Of two equal times the first one.
    assert all(slot.fold == 0 for slot in found)


@pytest.mark.parametrize(("zone", "_expression", "day", "_expected"), CHANGES)
def test_hourly_job_goes_on_every_hour_through_a_change(
    zone: str, _expression: str, day: str, _expected: list[str]
) -> None:
    every = cron.cron("*/30 * * * *", zone)
    first = cron.following(every, local(f"{day}T00:00", zone))
    found = cron.upcoming(every, first, 120)
    assert {b - a for a, b in pairwise(found)} == {timedelta(minutes=30)}


def test_an_interval_counts_from_its_start_and_stops_at_its_end() -> None:
    start, end = START + timedelta(hours=1), START + timedelta(hours=2)
    plan = cron.within(cron.interval(1800), start, end)
    first = cron.following(plan, START)
    assert cron.upcoming(plan, first, 9) == [start, start + timedelta(minutes=30), end]
    assert cron.following(plan, start + timedelta(minutes=31)) == end
    assert cron.following(plan, end) is None


def test_a_cron_may_fire_at_its_very_start_and_at_its_very_end() -> None:
    plan = cron.within(cron.cron("0 * * * *", "UTC"), START, START + timedelta(hours=1))
    first = cron.following(plan, START - timedelta(days=3))
    assert cron.upcoming(plan, first, 9) == [START, START + timedelta(hours=1)]
    assert cron.advance(plan, START, START + timedelta(hours=5)) is None


def test_once_is_once() -> None:
    plan = cron.once(START)
    assert cron.following(plan, START - timedelta(seconds=1)) == START
    assert cron.following(plan, START) is None
    assert cron.advance(plan, START, START) is None


@given(st.text(alphabet="0123456789*/,-#LW MONFRIJAé٣", max_size=30))
def test_whatever_is_written_is_a_cron_or_a_sentence(text: str) -> None:
    try:
        parsed = cron.cron(text, "UTC")
    except ValueError:
        return
    assert cron.following(parsed, START) is not None
