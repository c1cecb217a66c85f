"""The functions that every system runs: they do nothing but count themselves."""

from __future__ import annotations

from celery import shared_task

from bench import calls


@shared_task
def noop() -> None:
    """Known to be short, so its rows travel in slices."""
    calls.add()


@shared_task
def noop_single() -> None:
    """The same; the benchmark records a slow run of it, so its rows travel one a message."""
    calls.add()


@shared_task(burst=True)
def noop_burst() -> None:
    """The same in the burst lane."""
    calls.add()
