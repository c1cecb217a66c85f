"""When a schedule fires: from what people ask for to a definition, or to a sentence that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.core.config import get_settings
from app.core.errors import Invalid
from app.domain import cron
from app.domain.schedule import Kind

# Every beat has looked several times by then; what is wanted more often is a task that runs on.
SHORTEST_SECONDS = 10
LONGEST_SECONDS = int(cron.LONGEST_SECONDS)
HORIZON = timedelta(days=5 * 366)

# The fields that say when, and which of them belong to which kind.
FIELDS = ("kind", "cron", "timezone", "interval_seconds", "at", "start_at", "end_at")
_OWN = {
    Kind.CRON: {"cron", "timezone", "start_at", "end_at"},
    Kind.INTERVAL: {"interval_seconds", "start_at", "end_at"},
    Kind.ONCE: {"at"},
}
_NEEDED = {Kind.CRON: "cron", Kind.INTERVAL: "interval_seconds", Kind.ONCE: "at"}


def plan(fields: Mapping[str, Any], moment: datetime) -> tuple[cron.Definition, datetime]:
    """The definition of these fields, and its first slot after `moment`, the database's time.

    Raises `Invalid` for what never fires, and for a cron that does not within five years.
    """
    given = {name: fields[name] for name in FIELDS if fields.get(name) is not None}
    kind = Kind(given.pop("kind"))
    _check_belonging(kind, given)
    start, end = given.get("start_at"), given.get("end_at")
    if start is not None and end is not None and end <= start:
        raise _refused("end_at", "end_at must be after start_at")
    definition = cron.within(_definition(kind, given), start, end)
    slot = cron.following(definition, moment)
    rare = kind is Kind.CRON and slot is not None and slot > max(moment, start or moment) + HORIZON
    if slot is None or rare:
        raise _never(kind, None if rare else end)
    return definition, slot


def fields_of(definition: cron.Definition) -> dict[str, Any]:
    """The fields that say when, as far as they are given."""
    kind = Kind(definition["kind"])
    own = {
        Kind.CRON: {"cron": definition.get("expression"), "timezone": definition.get("timezone")},
        Kind.INTERVAL: {"interval_seconds": definition.get("seconds")},
        Kind.ONCE: {"at": cron.time_of(definition, "at")},
    }[kind]
    ends = {name: cron.time_of(definition, name) for name in ("start_at", "end_at")}
    return {"kind": kind, **own, **ends}


def changed(definition: cron.Definition, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields after a change; another kind begins without those of the one before."""
    before = fields_of(definition)
    if Kind(changes.get("kind", before["kind"])) != before["kind"]:
        before = {name: before[name] for name in ("start_at", "end_at")}
    return {**before, **changes}


def _check_belonging(kind: Kind, given: Mapping[str, Any]) -> None:
    needed = _NEEDED[kind]
    if needed not in given:
        raise _refused(needed, f"A schedule of the kind {kind} needs {needed}")
    if foreign := sorted(set(given) - _OWN[kind]):
        raise _refused(foreign[0], f"{foreign[0]} does not go with the kind {kind}")


def _definition(kind: Kind, given: Mapping[str, Any]) -> cron.Definition:
    if kind is Kind.ONCE:
        return cron.once(given["at"])
    if kind is Kind.INTERVAL:
        seconds = given["interval_seconds"]
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise _refused(
                "interval_seconds",
                f"An interval is {SHORTEST_SECONDS} s to ten years ({LONGEST_SECONDS} s)",
            )
        return cron.interval(seconds)
    zone = given.get("timezone") or get_settings().celery_timezone
    try:
        cron.check_zone(zone)
    except ValueError as error:
        raise _refused("timezone", str(error)) from None
    try:
        return cron.cron(" ".join(given["cron"].split()), zone)
    except ValueError as error:
        raise _refused("cron", str(error)) from None


def _never(kind: Kind, end: datetime | None) -> Invalid:
    if kind is Kind.ONCE:
        return _refused("at", "at is in the past")
    if end is not None:
        return _refused("end_at", "There is no slot before end_at: it would never fire")
    return _refused(_NEEDED[kind], "It would not fire within the next five years")


def _refused(field: str, message: str) -> Invalid:
    return Invalid(message, errors=[{"loc": ["body", field], "msg": message, "type": "schedule"}])
