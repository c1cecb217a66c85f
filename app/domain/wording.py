"""When a schedule fires, as a sentence in English and in Chinese.

A sentence is exact or there is none: patterns without a short way to say them are shown field by
field. What the fields mean is asked of the parser that also decides when to fire.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.domain import cron

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEKDAYS_ZH = ("周日", "周一", "周二", "周三", "周四", "周五", "周六")
_FIELD_NAMES = ("minute", "hour", "day of month", "month", "day of week")
_FIELD_NAMES_ZH = ("分", "时", "日", "月", "星期")
# More clock times than these are not listed one by one.
_MOST_TIMES = 8
_UNITS = ((3600, "hour", "小时"), (60, "minute", "分钟"), (1, "second", "秒"))


@dataclass(frozen=True, slots=True)
class Words:
    """The same in two languages."""

    en: str
    zh: str


def describe(definition: cron.Definition) -> Words:
    """When it fires, without `start_at` and `end_at`."""
    if definition["kind"] == "once":
        return Words(f"Once, at {definition['at']}", f"仅一次：{definition['at']}")
    if definition["kind"] == "interval":
        return _interval(definition["seconds"])
    said = _cron(definition["expression"], definition.get("weekdays"))
    zone = definition["timezone"]
    return Words(f"{said.en[0].upper()}{said.en[1:]} ({zone})", f"{said.zh}（{zone}）")


def _interval(seconds: float) -> Words:
    for size, en, zh in _UNITS:
        if seconds % size == 0:
            number = int(seconds // size)
            return Words(
                f"Every {en}" if number == 1 else f"Every {number} {en}s", f"每 {number} {zh}"
            )
    return Words(f"Every {seconds:g} seconds", f"每 {seconds:g} 秒")


@dataclass(frozen=True, slots=True)
class _Fields:
    """The values at which it fires, each field in order. `either`: one of the day fields is enough."""

    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    weekdays: list[int]
    either: bool


def _cron(expression: str, weekdays: list[int] | None) -> Words:
    fields = _fields(expression, weekdays)
    times = None if fields is None else _times(fields)
    if fields is None or times is None:
        return _literal(expression, weekdays)
    days, months = _days(fields), _months(fields.months)
    if days is None and len(fields.hours) < 24:
        days = Words("every day", "每天")
    return Words(
        ", ".join(part.en for part in (times, days, months) if part),
        "，".join(part.zh for part in (months, days, times) if part),
    )


def _fields(expression: str, weekdays: list[int] | None) -> _Fields | None:
    """None for days that are no numbers, such as the last one of a month."""
    parsed = cron.parse(expression)
    numbers = [day for day in parsed.weekdays if isinstance(day, int)]
    if min(parsed.days) < 0 or len(numbers) < len(parsed.weekdays):
        return None
    named = {day % 7 for day in numbers}
    return _Fields(
        sorted(parsed.minutes),
        sorted(parsed.hours),
        sorted(parsed.days),
        sorted(parsed.months),
        sorted(named if weekdays is None else named & set(weekdays)),
        not parsed.day_and,
    )


def _literal(expression: str, weekdays: list[int] | None) -> Words:
    values = expression.split()
    en = ", ".join(map(" ".join, zip(_FIELD_NAMES, values, strict=True)))
    zh = "，".join(map(" ".join, zip(_FIELD_NAMES_ZH, values, strict=True)))
    if weekdays is None:
        return Words(en, zh)
    only = _weekdays(weekdays)
    return Words(f"{en}, only on {only.en}", f"{zh}，仅限{only.zh}")


def _times(fields: _Fields) -> Words | None:
    minutes, hours = fields.minutes, fields.hours
    step = _step(minutes, 60)
    if step is not None:
        every = Words("every minute", "每分钟") if step == 1 else _interval(step * 60)
        en = every.en[0].lower() + every.en[1:]
        return _from_to(Words(en, every.zh), hours, 0, minutes[-1])
    if len(hours) == 24:
        return _every_hour(minutes)
    if len(minutes) * len(hours) <= _MOST_TIMES:
        times = [_clock(hour, minute) for hour in hours for minute in minutes]
        return Words(f"at {_listed(times)}", "、".join(times))
    step = _distance(hours)
    if len(minutes) == 1 and step is not None:
        en = "every hour" if step == 1 else f"every {step} hours"
        ends = [_clock(hour, minutes[0]) for hour in (hours[0], hours[-1])]
        return Words(f"{en} from {ends[0]} to {ends[1]}", f"{ends[0]} 至 {ends[1]} 每 {step} 小时")
    return None


def _every_hour(minutes: list[int]) -> Words | None:
    if minutes == [0]:
        return Words("every hour on the hour", "每小时整点")
    if len(minutes) > _MOST_TIMES:
        return None
    texts = [str(minute) for minute in minutes]
    plural = "s" if len(texts) > 1 else ""
    return Words(
        f"every hour at minute{plural} {_listed(texts)}", f"每小时的第 {'、'.join(texts)} 分"
    )


def _from_to(every: Words, hours: list[int], first: int, last: int) -> Words | None:
    """`every`, in hours without a gap, from minute `first` of the first to `last` of the last."""
    if len(hours) == 24:
        return every
    if len(hours) > 1 and _distance(hours) != 1:
        return None
    begin, end = _clock(hours[0], first), _clock(hours[-1], last)
    return Words(f"{every.en} from {begin} to {end}", f"{begin} 至 {end} {every.zh}")


def _days(fields: _Fields) -> Words | None:
    """None: on every day."""
    any_day, any_weekday = len(fields.days) == 31, len(fields.weekdays) == 7
    if (any_day and any_weekday) or (fields.either and (any_day or any_weekday)):
        return None
    weekdays = _weekdays(fields.weekdays)
    if any_day:
        return Words(f"on {weekdays.en}", f"每{weekdays.zh}")
    numbers = _runs(fields.days)
    plural = "s" if len(fields.days) > 1 else ""
    days = Words(f"on day{plural} {_listed(numbers)} of the month", f"每月 {'、'.join(numbers)} 日")
    if any_weekday:
        return days
    if fields.either:
        return Words(f"{days.en} and on {weekdays.en}", f"{days.zh}以及每{weekdays.zh}")
    return Words(f"{days.en} if it is a {_listed(_named(fields.weekdays), 'or')}",
                 f"{days.zh}且为{weekdays.zh}")  # fmt: skip


def _months(months: list[int]) -> Words | None:
    if len(months) == 12:
        return None
    named = _listed([_MONTHS[month - 1] for month in months])
    return Words(f"in {named}", f"限 {'、'.join(str(month) for month in months)} 月")


def _weekdays(weekdays: Collection[int]) -> Words:
    in_order = sorted(weekdays, key=lambda day: (day - 1) % 7)
    zh = [_WEEKDAYS_ZH[day] for day in in_order]
    if in_order == [1, 2, 3, 4, 5]:
        return Words("Monday to Friday", "周一至周五")
    return Words(_listed(_named(in_order)), "、".join(zh))


def _named(weekdays: Collection[int]) -> list[str]:
    return [_WEEKDAYS[day] for day in sorted(weekdays, key=lambda day: (day - 1) % 7)]


def _step(values: list[int], whole: int) -> int | None:
    """The step at which they come round evenly from 0, such as 15 in 0, 15, 30, 45."""
    step = whole // len(values)
    return step if len(values) > 1 and values == list(range(0, whole, step)) else None


def _distance(values: list[int]) -> int | None:
    """How far each is from the one before, if that is always the same."""
    found = {b - a for a, b in pairwise(values)}
    return found.pop() if len(found) == 1 else None


def _runs(values: list[int]) -> list[str]:
    """`1-5` for five that follow each other, `7` for one alone."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [text for run in runs for text in _run(run)]


def _run(run: list[int]) -> list[str]:
    return [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(value) for value in run]


def _listed(words: Sequence[str], word: str = "and") -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {word} {words[-1]}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"
