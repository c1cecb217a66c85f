"""The processes of one `make up`, found by a mark in their environment.

A mark is inherited by everything that descends from a child, whatever session or parent it has
by now: a killed parent, or one that starts its own in new sessions, hides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import psutil

# The data directory it all belongs to, and which of its parts this is.
_OWNER = "TASKSYSTEM_UP"
_PART = "TASKSYSTEM_UP_PART"


def mark(owner: str, part: str) -> dict[str, str]:
    """The variables for the environment of a child."""
    return {_OWNER: owner, _PART: part}


def members(owner: str, part: str | None = None) -> list[psutil.Process]:
    """Living processes of `owner`, or of one part of it. Never this process."""
    return [process for process in psutil.process_iter() if _belongs(process, owner, part)]


def _belongs(process: psutil.Process, owner: str, part: str | None) -> bool:
    try:
        environ = process.environ()
        return (
            environ.get(_OWNER) == owner
            and part in (None, environ.get(_PART))
            and process.pid != os.getpid()
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, OSError):
        # Gone meanwhile, or somebody else's.
        return False


def ask_to_end(processes: Iterable[psutil.Process], told: set[int]) -> None:
    """SIGTERM to those whose parent is not among them: a parent ends its own in its own order.

    `told` are the pids that have had theirs, and grows; a second SIGTERM would mean "at once" to
    many programs.
    """
    among = list(processes)
    pids = {process.pid for process in among}
    for process in among:
        try:
            if process.ppid() not in pids and process.pid not in told:
                told.add(process.pid)
                process.terminate()
        except psutil.Error:
            pass


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to each that is still the same process. psutil compares the start time."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            pass
