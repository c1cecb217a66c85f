"""Bringing the schema to the version this code needs, and refusing one it does not know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.db.engines import sync_engine

# Any constant; two processes that migrate one PostgreSQL database take turns on it.
_LOCK_ID = 7_381_029_551
# A migration of a large table, and the wait for somebody else's.
_UPGRADE_PATIENCE_SECONDS = 6 * 3600.0
_DIRECTORY = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """`state` and one sentence that says what to do about it."""

    state: Literal["current", "behind", "newer", "unreachable"]
    detail: str
    revision: str | None = None


def status() -> SchemaStatus:
    """Compare the database's schema with this code's. Never raises for a fault of the database."""
    engine = sync_engine(durable=True)
    try:
        with engine.connect() as connection:
            return _compare(connection)
    except DBAPIError as exc:
        return SchemaStatus("unreachable", f"The database cannot be reached: {_reason(exc)}")
    finally:
        engine.dispose()


def upgrade() -> SchemaStatus:
    """Migrate to this code's schema; does nothing when it is there already.

    Safe when several processes start at once: one migrates, the others wait for it.
    Raises `ConfigurationError` when the schema is newer than this code or out of reach.
    """
    _make_sqlite_directory()
    engine = sync_engine(durable=True, patience=_UPGRADE_PATIENCE_SECONDS)
    try:
        with engine.begin() as connection:  # on SQLite this is BEGIN IMMEDIATE: the same lock
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_ID})"))
            found = _compare(connection)
            if found.state == "newer":
                raise ConfigurationError(found.detail)
            if found.state == "behind":
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return _compare(connection)
    except DBAPIError as exc:
        raise ConfigurationError(
            f"The database cannot be migrated: {_reason(exc)}; check DATABASE_URL and that the "
            "server is up"
        ) from None
    finally:
        engine.dispose()


def _compare(connection: Connection) -> SchemaStatus:
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
    return SchemaStatus(
        "newer",
        f"The schema is at {revision}, which this code does not know (it knows up to {head}); "
        "run the newer version of the code, or restore the backup from before the upgrade",
        revision,
    )


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


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
