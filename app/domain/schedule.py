"""Schedules: where they come from, and what becomes of a slot."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

# A slot that is later than this when somebody could fire it has been missed.
MISSED_AFTER = timedelta(seconds=60)


class Source(StrEnum):
    """`static`: the code's (`beat_schedule`); `api`: made at run time."""

    STATIC = "static"
    API = "api"


class Kind(StrEnum):
    """What decides when it fires."""

    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"


class Overlap(StrEnum):
    """`skip`: no new task while the last one has not finished."""

    ALLOW = "allow"
    SKIP = "skip"


class Misfire(StrEnum):
    """What becomes of slots that were missed: nothing, or one firing for all of them."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class Trigger(StrEnum):
    """Why it fired, or should have: its slot had come, or somebody asked for it."""

    SLOT = "slot"
    MANUAL = "manual"


class Skipped(StrEnum):
    """Why a slot made no task."""

    # Its time passed while nobody could fire it.
    MISSED = "missed"
    OVERLAP = "overlap"
    # Its task is not fit to be accepted any more.
    REFUSED = "refused"


def is_missed(slot: datetime, now: datetime, misfire: str) -> bool:
    """Whether a slot that has come is left out because it is too late for it."""
    return misfire == Misfire.SKIP and now - slot > MISSED_AFTER
