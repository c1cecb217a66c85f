"""Copies of an SQLite database that others work with meanwhile."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def copy_database(source: Path, target: Path) -> None:
    """Copy everything that is committed, the write-ahead log included; readable by its owner alone.

    The copy is whole or not there at all. Raises `FileExistsError` rather than write over a file,
    `OSError` when there is no room or no right, `sqlite3.Error` for a source that is no database.
    """
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        # Not made where there is none.
        uri = f"{source.absolute().as_uri()}?mode=rw"
        with (
            closing(sqlite3.connect(uri, uri=True)) as old,
            closing(sqlite3.connect(part)) as new,
        ):
            old.backup(new)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
