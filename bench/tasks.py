"""The functions that every system runs: they do nothing but count themselves."""

from __future__ import annotations

import time
from typing import Any, cast

from celery import shared_task

from bench import calls, stamps

# An option of ours, of which Celery's types know nothing.
_BURST: dict[str, Any] = {"burst": True}


@shared_task
def noop() -> None:
    """Known to be short, so its rows travel in slices."""
    calls.add()


@shared_task
def noop_single() -> None:
    """The same; the benchmark records a slow run of it, so its rows travel one a message."""
    calls.add()


def _noop_burst() -> None:
    calls.add()


# The same in the burst lane.
noop_burst = cast("Any", shared_task)(name="bench.tasks.noop_burst", **_BURST)(_noop_burst)


@shared_task
def mixed(number: int, seconds: float) -> None:
    """Says when it began; one in a hundred takes long."""
    stamps.now(number)
    if seconds:
        time.sleep(seconds)
    calls.add()


@shared_task
def mixed_single(number: int, seconds: float) -> None:
    """The same, one row a message."""
    stamps.now(number)
    if seconds:
        time.sleep(seconds)
    calls.add()


@shared_task
def stamp(number: int) -> None:
    """Says when it began, for latency."""
    stamps.now(number)


@shared_task
def sample(seconds: int, param: str = "") -> None:
    """What submissions name; it is never run."""
