"""A log file that several processes write and any of them may rotate."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
from pathlib import Path

MAX_BYTES = 10_000_000
BACKUPS = 5


class SharedFileHandler(logging.Handler):
    """Appends each record with a single `write`, and rotates by size.

    The standard RotatingFileHandler renames the file under the other processes, which go on
    writing into the renamed one and rename again: lines are lost. Here a writer looks at the
    path before each record and re-opens it when it has become another file; O_APPEND keeps lines
    of several processes whole; and only the holder of a lock on the very file that stands at
    the path may rotate it. A line may land in the file that has just been renamed: it is kept
    there.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        """Open `path`, making its directory. Raises `OSError` when that is impossible."""
        super().__init__()
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._failing = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = self._open()
        self._inode = os.fstat(self._fd).st_ino

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record. A full disk or a vanished directory is said once, on stderr."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001 - a bad log call must not end its caller
            self.handleError(record)
            return
        try:
            self._append(line)
            self._failing = False
        except OSError as error:
            self._complain(error)

    def _append(self, line: bytes) -> None:
        if self._size_of_current() + len(line) > self._max_bytes:
            self._rotate()
        while line:
            line = line[os.write(self._fd, line) :]

    def _size_of_current(self) -> int:
        """The size of the file at the path, which this process has open afterwards."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if found is not None and found.st_ino == self._inode:
            return found.st_size
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._reopen()
        return os.fstat(self._fd).st_size

    def _reopen(self) -> None:
        # dup2 and not close: other threads and forked children never see a closed number.
        fresh = self._open()
        try:
            os.dup2(fresh, self._fd, inheritable=False)
        finally:
            os.close(fresh)
        self._inode = os.fstat(self._fd).st_ino

    def _rotate(self) -> None:
        # An own descriptor: one that a fork shares would share its lock with the parent too.
        lock = self._open()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # While we waited, somebody may have rotated: then the lock is on an old file.
            mine = os.fstat(lock)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self._path).st_ino == mine.st_ino and mine.st_size:
                    self._shift()
            self._reopen()
        finally:
            os.close(lock)

    def _shift(self) -> None:
        """`app.log.4` -> `app.log.5`, ..., `app.log` -> `app.log.1`. The path changes last."""
        names = [self._path, *(Path(f"{self._path}.{n}") for n in range(1, self._backups + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            print(  # noqa: T201 - the log itself cannot be written
                f"{self._path} cannot be written ({error.strerror}); logging goes on to stderr "
                "only until it can",
                file=sys.stderr,
            )

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
        super().close()
