"""Which row of a burst a process runs: a page that it shares with its agent.

The process writes before each row, at the cost of a store in memory; the agent reads when it has to
know whom a death is to be charged to, or what it would end by ending the process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path

_LAYOUT = struct.Struct("<qq")
# Nothing has begun; and after the last row its number, when nothing runs any more.
BEFORE = -1


class BurstPage:
    """The page of one process. Without a path it is the process's own."""

    def __init__(self, path: str) -> None:
        self._page: mmap.mmap
        if not path:
            self._page = mmap.mmap(-1, _LAYOUT.size)
            return
        with Path(path).open("w+b") as file:
            file.truncate(_LAYOUT.size)
            self._page = mmap.mmap(file.fileno(), _LAYOUT.size)

    def write(self, burst: int, row: int) -> None:
        """`row` of burst number `burst` begins."""
        _LAYOUT.pack_into(self._page, 0, burst, row)


def read(path: str, burst: int) -> int:
    """The row of that burst which runs now; `BEFORE` if none has begun."""
    try:
        number, row = _LAYOUT.unpack(Path(path).read_bytes()[: _LAYOUT.size])
    except (OSError, struct.error):
        return BEFORE
    return int(row) if number == burst else BEFORE


def path_of(socket_path: str, pid: int) -> str:
    """Where the page of a process lies: beside the agent's socket."""
    return f"{socket_path}.{pid}" if socket_path else ""


def forget(path: str) -> None:
    """The process is gone."""
    if path:
        with contextlib.suppress(OSError):
            os.unlink(path)
