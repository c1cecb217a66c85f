"""When a schedule fires, in words: exact, or field by field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import cron, wording


@pytest.mark.parametrize(
    ("expression", "en", "zh"),
    [
        ("30 3 * * *", "At 03:30, every day", "每天，03:30"),
        ("* * * * *", "Every minute", "每分钟"),
        ("*/15 * * * *", "Every 15 minutes", "每 15 分钟"),
        ("0,30 * * * *", "Every 30 minutes", "每 30 分钟"),
        ("0 * * * *", "Every hour on the hour", "每小时整点"),
        ("5,20 * * * 0", "Every hour at minutes 5 and 20, on Sunday", "每周日，每小时的第 5、20 分"),
        ("0 9,17 * * MON-FRI", "At 09:00 and 17:00, on Monday to Friday",
         "每周一至周五，09:00、17:00"),
        ("0 8 * * 7,6", "At 08:00, on Saturday and Sunday", "每周六、周日，08:00"),
        ("* 9-17 * * *", "Every minute from 09:00 to 17:59, every day",
         "每天，09:00 至 17:59 每分钟"),
        ("*/10 22 * * *", "Every 10 minutes from 22:00 to 22:50, every day",
         "每天，22:00 至 22:50 每 10 分钟"),
        ("5 */2 * * *", "Every 2 hours from 00:05 to 22:05, every day",
         "每天，00:05 至 22:05 每 2 小时"),
        ("0 0 1,15 1,7 *", "At 00:00, on days 1 and 15 of the month, in January and July",
         "限 1、7 月，每月 1、15 日，00:00"),
        ("0 0 1-7,20 * *", "At 00:00, on days 1-7 and 20 of the month", "每月 1-7、20 日，00:00"),
        ("*/5 * * 12 *", "Every 5 minutes, in December", "限 12 月，每 5 分钟"),
        # cron fires when one of two restricted day fields matches, unless one begins with a star.
        ("0 9 13 * FRI", "At 09:00, on day 13 of the month and on Friday",
         "每月 13 日以及每周五，09:00"),
        ("0 9 */15 * 1", "At 09:00, on days 1, 16 and 31 of the month if it is a Monday",
         "每月 1、16、31 日且为周一，09:00"),
        ("0 0 1-31 * 1", "At 00:00, every day", "每天，00:00"),
        ("0 0 */1 * 1", "At 00:00, on Monday", "每周一，00:00"),
    ],
)  # fmt: skip
def test_patterns_that_people_write_have_a_sentence(expression: str, en: str, zh: str) -> None:
    said = wording.describe(cron.cron(expression, "UTC"))
    assert (said.en, said.zh) == (f"{en} (UTC)", f"{zh}（UTC）")


@pytest.mark.parametrize(
    "expression",
    ["0 0 L * *", "0 0 LW * *", "0 0 * * 5#2", "0 0 * * 5L", "*/7 1,5 * * *", "1-59/2 3-20 * * *"],
)
def test_unusual_patterns_are_shown_field_by_field(expression: str) -> None:
    said = wording.describe(cron.cron(expression, "Asia/Shanghai"))
    for part in expression.split():
        assert f" {part}" in said.en
        assert f" {part}" in said.zh
    assert said.en.startswith("Minute ")
    assert said.zh.startswith("分 ")


def test_a_crontab_of_the_code_wants_both_day_fields() -> None:
    said = wording.describe(cron.cron("0 9 13 * *", "UTC", [5]))
    assert said.en == "At 09:00, on day 13 of the month if it is a Friday (UTC)"
    literal = wording.describe(cron.cron("*/7 1,5 13 * *", "UTC", [1, 5]))
    assert literal.en.endswith("day of week *, only on Monday and Friday (UTC)")
    assert literal.zh.endswith("星期 *，仅限周一、周五（UTC）")


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (10, "Every 10 seconds", "每 10 秒"),
        (60, "Every minute", "每 1 分钟"),
        (5400, "Every 90 minutes", "每 90 分钟"),
        (86_400, "Every 24 hours", "每 24 小时"),
        (0.5, "Every 0.5 seconds", "每 0.5 秒"),
    ],
)
def test_intervals(seconds: float, en: str, zh: str) -> None:
    said = wording.describe(cron.interval(seconds))
    assert (said.en, said.zh) == (en, zh)


def test_once() -> None:
    said = wording.describe(cron.once(datetime(2030, 1, 31, 8, tzinfo=UTC)))
    assert said.en == "Once, at 2030-01-31T08:00:00+00:00"
    assert said.zh == "仅一次：2030-01-31T08:00:00+00:00"


def _field(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(["*", *values])


EXPRESSIONS = st.builds(
    "{} {} {} {} {}".format,
    _field(["0", "5", "*/15", "0,30", "5,20,35,50", "10-20", "*/7"]),
    _field(["0", "3", "9-17", "*/2", "1-23/2", "0-23", "3,5", "22,23"]),
    _field(["1", "13", "1-31", "*/2", "*/1", "1,15", "31"]),
    _field(["1", "2", "1,7", "1-12", "6-8"]),
    _field(["0", "7", "1-5", "0-6", "5,6", "*/2"]),
)


@given(first=EXPRESSIONS, second=EXPRESSIONS, data=st.data())
def test_patterns_with_the_same_sentence_fire_at_the_same_times(
    first: str, second: str, data: st.DataObject
) -> None:
    # The sentences of two at random are rarely the same: vary one field of the first as well.
    place = data.draw(st.integers(0, 4))
    mixed = [*first.split()[:place], second.split()[place], *first.split()[place + 1 :]]
    for other in (second, " ".join(mixed)):
        if _sentence(other) == _sentence(first):
            assert _slots(other) == _slots(first), (first, other)


def _sentence(expression: str) -> str:
    try:
        return wording.describe(cron.cron(expression, "UTC")).en
    except ValueError:
        return expression


def _slots(expression: str) -> list[datetime]:
    try:
        definition = cron.cron(expression, "UTC")
    except ValueError:
        return []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return cron.upcoming(definition, cron.following(definition, start), 40)
