"""`python -m app.up.migrate`: bring the schema up to date, after a copy of an SQLite file.

A process of its own, so that Ctrl-C can end it and the supervisor stays small.
"""

from __future__ import annotations

import datetime
import sqlite3
import sys
from pathlib import Path

from sqlalchemy import make_url

from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.db import migrate
from app.db.backup import copy_database
from app.up.messages import say

KEPT_BACKUPS = 5


def main() -> int:
    """Migrate if that is due; returns 0, or 2 with one sentence on stderr."""
    try:
        found = migrate.status()
        if found.state == "behind" and found.revision is not None and get_settings().is_sqlite:
            copy = back_up(_sqlite_file(), get_settings().data_dir / "backups")
            say(f"The database was copied to {copy} before it is migrated.")
        migrate.upgrade()
    except ConfigurationError as exc:
        say(str(exc))
        return 2
    except (OSError, sqlite3.Error) as exc:  # a full disk may be either
        say(f"The database file cannot be copied before its migration: {exc}. Free some space.")
        return 2
    return 0


def back_up(source: Path, folder: Path, *, kept: int = KEPT_BACKUPS) -> Path:
    """Copy an SQLite database, its write-ahead log included; only the last `kept` copies stay."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    target = folder / f"{source.stem}-{now:%Y%m%dT%H%M%S%f}.db"
    copy_database(source, target)
    for path in sorted(folder.glob(f"{source.stem}-*.db"))[:-kept]:
        path.unlink()
    return target


def _sqlite_file() -> Path:
    return Path(make_url(get_settings().resolved_database_url).database or "")


if __name__ == "__main__":
    sys.exit(main())
