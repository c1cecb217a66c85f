"""Entries of `beat_schedule`: what they mean, and the sentence for those that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.beat import BeatLazyFunc
from celery.schedules import crontab, schedule

from app.scheduler.entries import EntryRefused, definition_of, read


class Sunset(schedule):
    """A schedule that only Python code can evaluate, as `celery.schedules.solar` is one."""


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(**changes: Any) -> dict[str, Any]:
    return {"task": "some.task", "schedule": 60.0, **changes}


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        (3600.0, 3600.0),
        (5, 5.0),
        (timedelta(minutes=2), 120.0),
        (schedule(run_every=30), 30.0),
        (schedule(run_every=timedelta(hours=1), relative=True), 3600.0),
    ],
)
def test_intervals_in_every_form_celery_takes(when: Any, seconds: float) -> None:
    assert definition_of(when, "UTC") == {"kind": "interval", "seconds": seconds}


@pytest.mark.parametrize(
    ("when", "expression"),
    [
        (crontab(), "* * * * *"),
        (crontab(minute=0, hour=4), "0 4 * * *"),
        (crontab(minute="*/15"), "*/15 * * * *"),
        (crontab(minute="0-59"), "* * * * *"),
        (crontab(minute=0, hour="8-10,20"), "0 8,9,10,20 * * *"),
        (crontab(minute=0, hour=0, day_of_week="mon-fri"), "0 0 * * 1,2,3,4,5"),
        (crontab(minute=0, hour=0, day_of_week="sun"), "0 0 * * 0"),
        (crontab(minute=0, hour=0, day_of_month="2-30/14"), "0 0 2,16,30 * *"),
        (crontab(minute=0, hour=0, day_of_month=1, month_of_year="*/3"), "0 0 1 */3 *"),
    ],
)
def test_crontab_becomes_a_cron_expression(when: crontab, expression: str) -> None:
    assert definition_of(when, "UTC") == {
        "kind": "cron",
        "expression": expression,
        "timezone": "UTC",
    }


def test_crontab_with_both_day_fields_keeps_celerys_meaning() -> None:
    when = crontab(minute=0, hour=0, day_of_month="1-7", day_of_week="mon")
    found = definition_of(when, "UTC")
    assert found["expression"] == "0 0 1,2,3,4,5,6,7 * *"
    assert found["weekdays"] == [1]


@pytest.mark.parametrize("when", [None, "60", True, 0, -1, float("nan"), [60], Sunset()])
def test_schedule_that_cannot_be_used_is_refused(when: Any) -> None:
    with pytest.raises(EntryRefused, match="schedule"):
        definition_of(when, "UTC")


def test_crontab_with_a_clock_of_its_own_is_refused() -> None:
    with pytest.raises(EntryRefused, match="nowfun"):
        definition_of(crontab(nowfun=datetime.now), "UTC")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text", "dictionary"),
        ({"schedule": 60}, '"task"'),
        (entry(task=5), '"task"'),
        (entry(args="ab"), "args"),
        (entry(args=5), "args"),
        (entry(kwargs=[1]), "kwargs"),
        (entry(options=[1]), "options"),
        (entry(crontab="x"), "'crontab' is not a key"),
        (entry(options={"exchange": "x"}), "'exchange' is not supported; use countdown"),
        (entry(options={"priority": "high"}), "priority"),
        (entry(options={"queue": 5}), "queue"),
        (entry(options={"expires": "soon"}), "expires"),
        (entry(options={"expires": datetime(2030, 1, 1)}), "expires"),  # noqa: DTZ001 - the point
    ],
)
def test_entry_with_a_mistake_is_refused_with_its_place(given: Any, message: str) -> None:
    with pytest.raises(EntryRefused, match=message):
        read("name", given, "UTC")


def test_entry_becomes_a_system_task_with_its_options() -> None:
    options = {"queue": "lane", "priority": 4, "expires": 30, "countdown": 5, "routing_key": "x"}
    found = read("nightly", entry(args=(1,), kwargs={"full": True}, options=options), "UTC")
    new = found.new_task(NOW)
    assert (new.name, new.celery_task_name, new.user_id) == ("nightly", "some.task", None)
    assert (list(new.args), new.kwargs) == ([1], {"full": True})
    assert (new.queue, new.priority, new.countdown) == ("lane", 4, 5)
    assert new.expires_at == NOW + timedelta(seconds=30)


def test_lazy_arguments_are_evaluated_at_each_firing() -> None:
    numbers = iter(range(9))
    lazy = BeatLazyFunc(lambda: next(numbers))
    found = read("lazy", entry(args=[lazy], kwargs={"k": lazy}), "UTC")
    assert [found.new_task(NOW).args, found.new_task(NOW).kwargs] == [[0], {"k": 3}]
