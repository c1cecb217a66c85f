"""When a schedule fires: arithmetic on slots, without a clock.

A definition is a JSON object, `{"kind": "interval", "seconds": 60.0}`, `{"kind": "once", "at":
"2030-01-31T08:00:00+00:00"}` or `{"kind": "cron", "expression": "30 4 * * *", "timezone":
"Asia/Shanghai"}`, the latter with `weekdays` (0 Sunday to 6) where both day fields restrict in a
crontab of Celery's, which wants both and cron either. Intervals and crons may have `start_at` and
`end_at`: no slot is before the one or after the other, and an interval counts from its start.

Cron times follow the clock on the wall as Debian's cron does: a daily job inside the hour that
spring leaves out fires right after it, and in autumn it fires in the first of the two hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

SHORTEST_SECONDS = 0.1
LONGEST_SECONDS = 366 * 86_400 * 10.0
# "The 13th, if a Friday" may be 14 months away; the 29th of February on one weekday 40 years.
_CANDIDATES = 2_000
FIELDS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Files beside those of the zones: each machine has its own.
_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})

Definition = dict[str, Any]


def interval(seconds: float) -> Definition:
    """A firing every `seconds`. Raises `ValueError` outside 0.1 s to ten years."""
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"an interval of {seconds:g} s is outside 0.1 s to ten years")
    return {"kind": "interval", "seconds": float(seconds)}


def cron(expression: str, timezone: str, weekdays: list[int] | None = None) -> Definition:
    """Firings by a five-field cron expression. Raises `ValueError` when it can never fire."""
    definition: Definition = {"kind": "cron", "expression": expression, "timezone": timezone}
    if weekdays is not None:
        definition["weekdays"] = sorted(weekdays)
    check_zone(timezone)
    parse(expression)
    if following(definition, datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise ValueError(f"{expression!r} never fires")
    return definition


def once(at: datetime) -> Definition:
    """One firing."""
    return {"kind": "once", "at": at.isoformat()}


def within(definition: Definition, start: datetime | None, end: datetime | None) -> Definition:
    """The same with no slot before `start` and none after `end`."""
    ends = {"start_at": start, "end_at": end}
    return {**definition, **{name: at.isoformat() for name, at in ends.items() if at is not None}}


def parse(expression: str) -> CronSim:
    """The expression as cronsim understands it. Raises `ValueError`."""
    fields = expression.split()
    if len(fields) != FIELDS:
        raise ValueError(
            f"{expression!r} is not a cron expression: it has {len(fields)} fields, not five "
            "(minute, hour, day of month, month, day of week)"
        )
    try:
        return CronSim(expression, _EPOCH)
    except (CronSimError, AssertionError) as error:
        if str(error) == "Bad day-of-month" and _parses([*fields[:3], "*", fields[4]]):
            raise ValueError(f"{expression!r} never fires: those months have no such day") from None
        reason = str(error) or "Bad step"
        raise ValueError(f"{expression!r} is not a cron expression: {reason}") from None


def _parses(fields: list[str]) -> bool:
    try:
        CronSim(" ".join(fields), _EPOCH)
    except (CronSimError, AssertionError):
        return False
    return True


def check_zone(name: str) -> None:
    """Raises `ValueError` for what is not the name of a time zone, the same on every machine."""
    try:
        if name in _OF_THE_MACHINE:
            raise ZoneInfoNotFoundError(name)
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone; use a name such as Europe/Berlin or UTC"
        ) from None


def following(definition: Definition, moment: datetime) -> datetime | None:
    """The first slot after `moment`; an interval without a start begins at `moment`."""
    start = time_of(definition, "start_at")
    if definition["kind"] == "once":
        at = datetime.fromisoformat(definition["at"])
        return at if at > moment else None
    if definition["kind"] == "interval":
        return _if_open(definition, _on_grid(definition, start or moment, moment))
    after = moment if start is None else max(moment, start - timedelta(microseconds=1))
    return _if_open(definition, next(_cron_slots(definition, after), None))


def advance(definition: Definition, slot: datetime, now: datetime) -> datetime | None:
    """The slot after `slot`, which just fired: the next one that is still to come at `now`.

    Slots missed in between are left out, so that a long pause ends in one firing and not in a
    burst. Intervals count from slot to slot, never from the moment of firing: they do not drift.
    """
    if definition["kind"] == "once":
        return None
    if definition["kind"] == "interval":
        return _if_open(definition, _on_grid(definition, slot, max(slot, now)))
    return following(definition, max(slot, now))


def upcoming(definition: Definition, slot: datetime | None, count: int) -> list[datetime]:
    """`slot` and those after it, at most `count`."""
    slots: list[datetime] = []
    while slot is not None and len(slots) < count:
        slots.append(slot)
        slot = advance(definition, slot, slot)
    return slots


def time_of(definition: Definition, name: str) -> datetime | None:
    """`at`, `start_at` or `end_at`, where the definition has it."""
    text = definition.get(name)
    return None if text is None else datetime.fromisoformat(text)


def _if_open(definition: Definition, slot: datetime | None) -> datetime | None:
    end = time_of(definition, "end_at")
    return None if slot is None or (end is not None and slot > end) else slot


def _on_grid(definition: Definition, anchor: datetime, moment: datetime) -> datetime:
    """The first of the slots that count from `anchor` that is after `moment`."""
    step = _step(definition)
    return anchor + max((moment - anchor) // step + 1, 0) * step


def _step(definition: Definition) -> timedelta:
    return timedelta(microseconds=round(definition["seconds"] * 1_000_000))


def _cron_slots(definition: Definition, moment: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(definition["timezone"])
    weekdays = definition.get("weekdays")
    slots = CronSim(definition["expression"], moment.astimezone(zone))
    for local in islice(slots, _CANDIDATES):
        if weekdays is not None and local.isoweekday() % 7 not in weekdays:
            continue
        found = local.astimezone(UTC)
        # In the second of autumn's two equal hours the expression names the first one again.
        if found > moment:
            yield found
