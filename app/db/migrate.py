"""Bringing the schema to the version this code needs, and refusing one it does not know."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.core.text import first_line
from app.db.engines import sync_engine
from app.db.faults import is_locked
from app.db.session import allow_time_on, limit_lock_waits_on

# Any constant; two processes that migrate one PostgreSQL database take turns on it.
_LOCK_ID = 7_381_029_551
# A migration of a large table, and the wait for somebody else's.
_UPGRADE_PATIENCE_SECONDS = 6 * 3600.0
# Whoever wants to change a table waits for those who use it, and everybody who comes later waits
# behind. So it gives up soon, lets the others pass, and tries again.
LOCK_SECONDS = 3.0
LOCK_TRIES = 20
_LOCK_PAUSE_SECONDS = 1.0
_DIRECTORY = Path(__file__).parent / "migrations"
# `20261127_audit`, or `2_20270101_one_table_less`, which begins the second generation.
_DATED = re.compile(r"(?:(?P<generation>\d+)_)?\d{8}_\w+")


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """`state` and one sentence that says what to do about it.

    `ahead` is a schema of newer code on which this code runs all the same: the two are of one
    generation (docs/decisions/0036).
    """

    state: Literal["current", "ahead", "behind", "newer", "unreachable"]
    detail: str
    revision: str | None = None

    @property
    def usable(self) -> bool:
        """Whether this code may work on it."""
        return self.state in ("current", "ahead")


def status(given: str | None = None) -> SchemaStatus:
    """Compare the database's schema with this code's. Never raises for a fault of the database.

    `given` is another database than that of the settings.
    """
    engine = sync_engine(durable=True, given=given)
    try:
        with engine.connect() as connection:
            return compare(connection)
    except DBAPIError as exc:
        return SchemaStatus("unreachable", f"The database cannot be reached: {reason(exc)}")
    finally:
        engine.dispose()


def upgrade(given: str | None = None) -> SchemaStatus:
    """Migrate to this code's schema; does nothing when it is there already, or ahead.

    `given` is another database than that of the settings. Safe when several processes start at
    once: one migrates, the others wait for it. Raises `ConfigurationError` when the schema is
    newer than this code, out of reach, or in use all the time.
    """
    if given is None:
        _make_sqlite_directory()
    engine = sync_engine(durable=True, patience=_UPGRADE_PATIENCE_SECONDS, given=given)
    try:
        return _upgraded(engine)
    except DBAPIError as exc:
        where = "DATABASE_URL" if given is None else "the URL"
        raise ConfigurationError(
            f"The database cannot be migrated: {reason(exc)}; check {where} and that the "
            "server is up"
        ) from None
    finally:
        engine.dispose()


def _upgraded(engine: Engine) -> SchemaStatus:
    for _ in range(LOCK_TRIES):
        try:
            with engine.begin() as connection:  # on SQLite this is BEGIN IMMEDIATE: the same lock
                return _upgrade_on(connection)
        except DBAPIError as exc:
            if not is_locked(exc):
                raise
        time.sleep(_LOCK_PAUSE_SECONDS)
    raise ConfigurationError(
        f"The tables were in use {LOCK_TRIES} times and nothing was changed; find who keeps them "
        "(pg_stat_activity: the oldest xact_start), and run it again"
    )


def _upgrade_on(connection: Connection) -> SchemaStatus:
    # Behind a pooler the connection has no time of its own.
    allow_time_on(connection, _UPGRADE_PATIENCE_SECONDS)
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_ID})"))
    limit_lock_waits_on(connection, LOCK_SECONDS)
    found = compare(connection)
    if found.state == "newer":
        raise ConfigurationError(found.detail)
    if found.state == "behind":
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return compare(connection)


def compare(connection: Connection) -> SchemaStatus:
    """Which schema a database has, compared with this code's."""
    revision = MigrationContext.configure(connection).get_current_revision()
    head, known = _head(), _known()
    if revision == head:
        return SchemaStatus("current", "The schema is up to date", revision)
    if revision is None or revision in known:
        return SchemaStatus(
            "behind",
            f"The schema is at {revision or 'nothing'} and this code needs {head}; "
            "run: taskctl migrate",
            revision,
        )
    if generation(revision) == generation(head):
        return SchemaStatus(
            "ahead",
            f"The schema is at {revision}, of newer code, and this code ({head}) runs on it; "
            "finish the upgrade",
            revision,
        )
    return SchemaStatus(
        "newer",
        f"The schema is at {revision}, which this code does not know (it knows up to {head}); "
        "run the newer version of the code, or restore the backup from before the upgrade",
        revision,
    )


def generation(revision: str) -> int | None:
    """The number that all migrations share on which the same code runs; None for a foreign name."""
    found = _DATED.fullmatch(revision)
    return int(found["generation"] or 1) if found else None


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


@cache
def _head() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise ConfigurationError("No migrations found; the installation is incomplete")
    return head


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY))
    return config


def _make_sqlite_directory() -> None:
    settings = get_settings()
    if not settings.is_sqlite:
        return
    path = Path(settings.resolved_database_url.removeprefix("sqlite:///"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigurationError(
            f"{path.parent} cannot be made ({exc.strerror}); make it writable or set DATA_DIR"
        ) from None


def reason(error: DBAPIError) -> str:
    """What the database has said, in a line; with the cure, where it is a pooler's refusal."""
    said = first_line(error.orig)
    if "unsupported startup parameter" in str(error.orig):
        return f"{said}: this is a pooler; set DATABASE_POOLER=transaction"
    return said
