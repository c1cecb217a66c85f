"""What a check reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """`WARNING` works for now; `PROBLEM` is why tasks do not run, or soon will not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing: what was found and, unless it is fine, what to do about it."""

    check: str
    level: Level
    found: str
    cure: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    """As it should be."""
    return Finding(check, Level.OK, found)


def warning(check: str, found: str, cure: str) -> Finding:
    """Works, but should be changed."""
    return Finding(check, Level.WARNING, found, cure)


def problem(check: str, found: str, cure: str) -> Finding:
    """Keeps tasks from running, or loses something."""
    return Finding(check, Level.PROBLEM, found, cure)
