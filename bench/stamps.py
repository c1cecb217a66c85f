"""When each call of a function began, by its number, in a file that processes share.

Times are of the machine's monotonic clock. Standard library only.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from functools import cache
from pathlib import Path

FILE = "BENCH_STAMPS"
_TIME = struct.Struct("d")


def make(path: Path, count: int) -> None:
    """A file with room for that many times, all of them 0. One that is there is kept and emptied:
    processes may have it mapped.
    """
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(bytes(_TIME.size * count))


@cache
def _mapped(path: str, pid: int) -> mmap.mmap:
    with Path(path).open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def now(number: int) -> None:
    """Write the time of call `number`."""
    moment = time.monotonic()
    _TIME.pack_into(_mapped(os.environ[FILE], os.getpid()), _TIME.size * number, moment)


def read(path: Path) -> list[float]:
    """The times by number; 0 where nothing has been written."""
    return [moment for (moment,) in _TIME.iter_unpack(path.read_bytes())]
