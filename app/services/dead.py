"""Entries of the broker's queues that were no usable messages, kept for a person to look at.

Workers move them there (`app/worker/transport.py`), newest first, the latest thousand. No task
is among them: a task is a row, and goes out again under a new message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from app.core.broker import DEAD_KEY, sync_client
from app.core.config import get_settings


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """One entry: why it was refused, where it lay, its size in bytes, and how it begins."""

    reason: str
    queue: str
    at: datetime | None
    size: int
    raw: str


def count() -> int:
    """How many are kept. Raises `BrokerError` when the broker does not answer."""
    return sync_client().llen(dead_key())


def newest(limit: int) -> list[DeadEntry]:
    """The latest ones. Raises `BrokerError`."""
    found = cast("list[bytes]", sync_client().lrange(dead_key(), 0, limit - 1))
    return [_entry(each) for each in found]


def clear() -> int:
    """Forget them all; returns how many there were. Raises `BrokerError`."""
    with sync_client().pipeline(transaction=True) as pipe:
        pipe.llen(dead_key())
        pipe.delete(dead_key())
        return int(pipe.execute()[0])


def dead_key() -> str:
    """The list's name in the broker."""
    return get_settings().broker_key_prefix + DEAD_KEY


def _entry(kept: bytes) -> DeadEntry:
    try:
        found: dict[str, Any] = json.loads(kept)
        at = datetime.fromtimestamp(float(found["at"]), UTC)
        return DeadEntry(
            str(found["reason"]), str(found["queue"]), at, int(found["size"]), str(found["raw"])
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        # Somebody else has written here.
        text = kept.decode("utf-8", "backslashreplace")
        return DeadEntry("not written by a worker", "", None, len(kept), text)
