"""Counting calls of a function over processes, at the cost of a memory write.

Every process that runs the function maps a file of its own: generation, calls, time of the first,
time of the last. The clock is the machine's monotonic one, the same in all processes. A new
generation, written by the benchmark into a file that all of them map, begins the count anew.
Standard library only: peers run this in environments of their own.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

FOLDER = "BENCH_CALLS"
_LAYOUT = struct.Struct("qqdd")
_NUMBER = struct.Struct("q")
_GENERATION = "generation"


class _Page:
    """This process's file."""

    def __init__(self, folder: str) -> None:
        self.pid = os.getpid()
        self._common = _map(Path(folder, _GENERATION), _NUMBER.size)
        self._map = _map(Path(folder, str(self.pid)), _LAYOUT.size)
        self._generation = -1
        self._count = 0
        self._first = 0.0
        # Some systems run tasks in threads.
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            now = time.monotonic()
            (generation,) = _NUMBER.unpack_from(self._common)
            if generation != self._generation:
                self._generation, self._count, self._first = generation, 0, now
            self._count += 1
            # Not pack_into, which writes zeros first: a reader took one for the time of the first.
            page = _LAYOUT.pack(generation, self._count, self._first, now)
            self._map[: _LAYOUT.size] = page


def _map(path: Path, size: int) -> mmap.mmap:
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END) < size:
            file.truncate(size)
        return mmap.mmap(file.fileno(), size)


_page: _Page | None = None
_opening = threading.Lock()


def add() -> None:
    """Count one call in this process."""
    global _page
    page = _page
    if page is None or page.pid != os.getpid():
        with _opening:
            if _page is None or _page.pid != os.getpid():
                _page = _Page(os.environ[FOLDER])
            page = _page
    page.add()


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of all processes together; times in monotonic seconds."""

    count: int
    first: float
    last: float
    processes: int = 0


def begin(folder: Path, generation: int) -> None:
    """Count from 0 again. No process may be in the middle of a call."""
    _NUMBER.pack_into(_map(folder / _GENERATION, _NUMBER.size), 0, generation)


def read(folder: Path) -> Calls:
    """What has been counted in the present generation."""
    common = folder / _GENERATION
    present = _NUMBER.unpack(common.read_bytes())[0] if common.exists() else 0
    pages = []
    for path in folder.iterdir():
        raw = path.read_bytes() if path.name != _GENERATION else b""
        if len(raw) == _LAYOUT.size:
            generation, *page = _LAYOUT.unpack(raw)
            if page[0] and generation == present:
                pages.append(page)
    if not pages:
        return Calls(0, 0.0, 0.0)
    counts, firsts, lasts = zip(*pages, strict=True)
    return Calls(sum(counts), min(firsts), max(lasts), len(pages))
