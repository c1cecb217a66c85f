"""From an entry of `beat_schedule` to what it means, or to a sentence that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import BeatLazyFunc
from celery.schedules import crontab
from celery.schedules import schedule as celery_interval

from app.domain import cron
from app.services.building import NewTask
from app.services.firing import TASK_TYPE

_KEYS = {"task", "schedule", "args", "kwargs", "options", "relative"}
_OPTIONS = {
    "queue", "priority", "expires", "countdown", "time_limit", "soft_time_limit", "max_attempts",
}  # fmt: skip
# A route's key goes with its queue; by itself it means nothing here.
_IGNORED_OPTIONS = {"routing_key"}
_FULL = {"minute": 60, "hour": 24, "day_of_month": 31, "month_of_year": 12, "day_of_week": 7}


class EntryRefused(Exception):
    """An entry cannot be used; the text says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `definition` says when, the rest says what."""

    name: str
    definition: cron.Definition
    task: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: dict[str, Any]

    def new_task(self, fired_at: datetime) -> NewTask:
        """The submission of one firing."""
        return NewTask(
            name=self.name,
            task_type=TASK_TYPE,
            celery_task_name=self.task,
            args=[_evaluate(value) for value in self.args],
            kwargs={key: _evaluate(value) for key, value in self.kwargs.items()},
            expires_at=_expires_at(self.options.get("expires"), fired_at),
            **self._fields,
        )

    @property
    def _fields(self) -> dict[str, Any]:
        """Options that are fields of a submission."""
        return {
            key: self.options[key] for key in sorted((_OPTIONS - {"expires"}) & set(self.options))
        }

    def shown(self) -> dict[str, Any]:
        """The fields of the submission for people; what code decides at the firing is a text."""
        options = self._fields
        if (expires := _seconds(self.options.get("expires"))) is not None:
            options["expires_in"] = expires
        args, kwargs = list(self.args), self.kwargs
        lazy = any(isinstance(value, BeatLazyFunc) for value in (*args, *kwargs.values()))
        if lazy or ("expires" in self.options and expires is None):
            options["by_code"] = True
        return {
            **options,
            "args": [_text_if_lazy(value) for value in args],
            "kwargs": {key: _text_if_lazy(value) for key, value in kwargs.items()},
        }


def read(name: Any, given: Any, timezone: str) -> Entry:
    """An entry of `beat_schedule`. Raises `EntryRefused`."""
    if not isinstance(name, str) or not name.strip():
        raise EntryRefused("its name is not a text")
    if not isinstance(given, Mapping):
        raise EntryRefused('it is not a dictionary with "task" and "schedule"')
    if unknown := sorted(set(given) - _KEYS, key=str):
        raise EntryRefused(f"{unknown[0]!r} is not a key of an entry; use {_listed(_KEYS)}")
    if not isinstance(task := given.get("task"), str) or not task:
        raise EntryRefused('"task" is not the full name of a task')
    return Entry(
        name=name,
        definition=definition_of(given.get("schedule"), timezone),
        task=task,
        args=_args(given.get("args") or ()),
        kwargs=_kwargs(given.get("kwargs") or {}),
        options=_checked_options(given.get("options") or {}),
    )


def definition_of(when: Any, timezone: str) -> cron.Definition:
    """Seconds, a timedelta, a Celery interval or a Celery crontab. Raises `EntryRefused`."""
    try:
        if isinstance(when, crontab):
            return _from_crontab(when, timezone)
        if type(when) is celery_interval:
            when = vars(when)["run_every"]
        if isinstance(when, timedelta):
            return cron.interval(when.total_seconds())
        if isinstance(when, int | float) and not isinstance(when, bool):
            return cron.interval(when)
    except (ValueError, OverflowError) as error:
        raise EntryRefused(f'its "schedule" cannot be used: {error}') from None
    raise EntryRefused(
        f'its "schedule" is a {type(when).__name__}; use seconds, a timedelta or a '
        "celery.schedules.crontab"
    )


def _from_crontab(when: Any, timezone: str) -> cron.Definition:
    if when.nowfun is not None:
        raise ValueError("a crontab with a clock of its own; leave nowfun out")
    days, weekdays = _field(when, "day_of_month"), _field(when, "day_of_week")
    time_fields = f"{_field(when, 'minute')} {_field(when, 'hour')}"
    months = _field(when, "month_of_year")
    if days != "*" and weekdays != "*":
        # cron fires when either matches, Celery when both do.
        only = sorted(int(day) for day in when.day_of_week)
        return cron.cron(f"{time_fields} {days} {months} *", timezone, only)
    return cron.cron(f"{time_fields} {days} {months} {weekdays}", timezone)


def _field(when: Any, name: str) -> str:
    values = sorted(int(value) for value in getattr(when, name))
    if len(values) == _FULL[name]:
        return "*"
    # The star tells a job of every hour from one at fixed hours, which daylight saving moves.
    written = getattr(when, f"_orig_{name}")
    if isinstance(written, str) and written.startswith("*/") and "," not in written:
        return written
    return ",".join(map(str, values))


def _args(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise EntryRefused('"args" is not a list or tuple; one argument is written (value,)')
    return tuple(value)


def _kwargs(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise EntryRefused('"kwargs" is not a dictionary')
    return dict(value)


def _checked_options(options: Any) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise EntryRefused('"options" is not a dictionary')
    if unknown := sorted(set(options) - _OPTIONS - _IGNORED_OPTIONS, key=str):
        raise EntryRefused(f"option {unknown[0]!r} is not supported; use {_listed(_OPTIONS)}")
    for name, kinds in (
        ("queue", str),
        ("priority", int),
        ("max_attempts", int),
        ("countdown", int | float),
        ("time_limit", int | float),
        ("soft_time_limit", int | float),
    ):
        value = options.get(name)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise EntryRefused(f"option {name!r} is a {type(value).__name__}")
    _expires_at(options.get("expires"), datetime.now(UTC))
    return {key: value for key, value in options.items() if value is not None}


def _expires_at(expires: Any, fired_at: datetime) -> datetime | None:
    if expires is None or (isinstance(expires, datetime) and expires.tzinfo is not None):
        return expires
    if isinstance(expires, int | float) and not isinstance(expires, bool) and expires > 0:
        expires = timedelta(seconds=expires)
    if isinstance(expires, timedelta):
        return fired_at + expires
    raise EntryRefused("option 'expires' is neither seconds nor a time with an offset")


def _seconds(expires: Any) -> float | None:
    """How long a task is good for; None for a time that the code names."""
    if isinstance(expires, timedelta):
        return expires.total_seconds()
    return None if isinstance(expires, datetime) else expires


def _text_if_lazy(value: Any) -> Any:
    return "(code decides)" if isinstance(value, BeatLazyFunc) else value


def _evaluate(value: Any) -> Any:
    return value() if isinstance(value, BeatLazyFunc) else value


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
