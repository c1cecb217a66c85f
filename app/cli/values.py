"""Reading what was typed: JSON values, key=value pairs, durations, times, ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.cli.failures import CliError, ExitCode

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Priority(StrEnum):
    """The four levels by name."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def level(self) -> int:
        """The number the API knows it by, 1 to 4."""
        return list(Priority).index(self) + 1


class OnDependencyFailure(StrEnum):
    """What becomes of a task when one that it depends on fails or is revoked."""

    FAIL = "fail"
    RUN = "run"


class UniqueMode(StrEnum):
    """What becomes of a task whose unique key an unfinished one has."""

    REJECT = "reject"
    EXISTING = "existing"
    REPLACE = "replace"


class Role(StrEnum):
    """The roles, here once more so that reading the command line loads no database code."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class Via(StrEnum):
    """How somebody was known who acted, for the same reason."""

    TOKEN = "token"
    SESSION = "session"
    LINK = "link"
    PASSWORD = "password"
    TERMINAL = "terminal"


def json_or_text(word: str) -> Any:
    """`60` -> 60, `[1,2]` -> a list, `hello` -> "hello"; what JSON cannot carry stays text."""
    try:
        value = json.loads(word)
        # NaN, and 1e400 which became Infinity, are refused here.
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return word
    return value


def pairs(words: Iterable[str]) -> dict[str, Any]:
    """`k=v` words as a mapping. Raises `CliError` for one without `=`."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise CliError(f"--kwarg {word!r} is not of the form name=value", code=ExitCode.USAGE)
        found[key] = json_or_text(value)
    return found


def duration(text: str) -> timedelta | None:
    """`30d`, `12h`, `90s`, `2w`, or `never` -> None. Raises `CliError` for anything else."""
    if text == "never":
        return None
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise CliError(
            f"{text!r} is not a duration; write 30d, 12h, 15m, 90s, 2w or never",
            code=ExitCode.USAGE,
        )
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def moment(name: str, time: str | None, age_name: str, age: str | None) -> str | None:
    """A time for the API, given as one by the option `name`, or by `age_name` as its age.

    Raises `CliError` if it is given as both, and for an age that is none.
    """
    if age is None:
        return time
    if time is not None:
        raise CliError(f"Give --{name} or --{age_name}, not both", code=ExitCode.USAGE)
    return ago(age_name, age)


def ago(name: str, age: str) -> str:
    """The time of so long ago, for the API. Raises `CliError` for an age that is none."""
    span = duration(age)
    if span is None:
        raise CliError(f"--{name} needs a duration, such as 24h", code=ExitCode.USAGE)
    try:
        return (datetime.now(UTC) - span).isoformat()
    except OverflowError:
        sentence = f"--{name} {age} is before the year 1; give a shorter one"
        raise CliError(sentence, code=ExitCode.USAGE) from None


def only_given(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given: what is None was not."""
    return {name: value for name, value in options.items() if value is not None}


def segment(word: str) -> str:
    """A word as one segment of a path, whatever was typed."""
    from urllib.parse import quote

    if not word.strip(". "):
        raise CliError(f"{word!r} is not an id", code=ExitCode.USAGE)
    return quote(word, safe="")
