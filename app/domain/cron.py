"""When a schedule fires: arithmetic on slots, without a clock.

A definition is a JSON object, `{"kind": "interval", "seconds": 60.0}` or `{"kind": "cron",
"expression": "30 4 * * *", "timezone": "Asia/Shanghai"}`, the latter with `weekdays` (0 Sunday
to 6) where both day fields restrict, because Celery's crontab wants both and cron either.

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
    try:
        found = following(definition, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"{expression!r} is not a cron expression: {error}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{timezone!r} is not a time zone") from None
    if found is None:
        raise ValueError(f"{expression!r} never fires")
    return definition


def following(definition: Definition, moment: datetime) -> datetime | None:
    """The first slot of a cron definition, or of an interval begun at `moment`, after `moment`."""
    if definition["kind"] == "interval":
        return moment + _step(definition)
    return next(_cron_slots(definition, moment), None)


def advance(definition: Definition, slot: datetime, now: datetime) -> datetime | None:
    """The slot after `slot`, which just fired: the next one that is still to come at `now`.

    Slots missed in between are left out, so that a long pause ends in one firing and not in a
    burst. Intervals count from slot to slot, never from the moment of firing: they do not drift.
    """
    if definition["kind"] == "interval":
        step = _step(definition)
        missed = max((now - slot) // step, 0)
        return slot + (missed + 1) * step
    return following(definition, max(slot, now))


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
