"""Tests that measure: with several runners, nothing runs beside one that is marked `alone`."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.hookimpl(
    wrapper=True, tryfirst=True
)  # around the time limit, which waiting does not use up
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Wait until the test may run, with its fixtures."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return (yield)
    with _place(Path(tempfile.gettempdir()) / f"pytest-{run}", alone="alone" in item.keywords):
        return (yield)


@contextmanager
def _place(path: Path, *, alone: bool) -> Iterator[None]:
    """A place among the tests that run, or all places.

    Whoever wants all of them holds the door: else others would come in for as long as it waits.
    A runner that dies gives back what it holds.
    """
    with path.with_suffix(".door").open("w") as door, path.with_suffix(".room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Not by closing: a process that the test left behind may have inherited the files.
            fcntl.flock(room, fcntl.LOCK_UN)
            fcntl.flock(door, fcntl.LOCK_UN)
