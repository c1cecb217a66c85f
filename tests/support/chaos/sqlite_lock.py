"""Who holds SQLite's only write lock.

A process that is frozen with the lock in its hand stops every writer, and SQLite takes it away from
nobody: for the others that is an outage of the database.
"""

from __future__ import annotations

import os
from pathlib import Path

# WAL_WRITE_LOCK: this byte of the `-shm` file, locked for writing (sqlite.org/walformat.html, 2.3.1).
_WRITE_LOCK = 120


def writers(database: Path) -> set[int]:
    """Ids of the processes that are in a writing transaction of a database in WAL mode."""
    try:
        inode = os.stat(f"{database}-shm").st_ino
    except FileNotFoundError:
        return set()
    return {
        pid
        for line in Path("/proc/locks").read_text().splitlines()
        if (pid := _holder(line.split(), inode)) is not None
    }


def _holder(words: list[str], inode: int) -> int | None:
    """The process of a line such as `1: POSIX ADVISORY WRITE 4711 fe:00:1117 120 120`."""
    # A line that begins with `->` after its number is of one who waits.
    if len(words) != 8 or words[3] != "WRITE" or words[5].rpartition(":")[2] != str(inode):
        return None
    first, last = words[6:]
    covers = int(first) <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK)
    return int(words[4]) if covers else None
