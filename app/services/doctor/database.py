"""The database: reachable, of this version's schema, and of one mind about the time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings, masked_url
from app.core.errors import ConfigurationError
from app.db import migrate
from app.db.clock import now
from app.services.doctor.findings import Finding, ok, problem, warning

OLDEST_POSTGRESQL = 14
# A lease of 30 s and schedules by the second stand this; people who read two logs do not.
SKEW_SECONDS = 2.0


def schema(settings: Settings) -> Finding:
    """Whether the tables are there, as this code needs them."""
    where = masked_url(settings.resolved_database_url)
    try:
        found = migrate.status()
    except ConfigurationError as error:
        return problem("database", str(error), "correct DATABASE_URL")
    if found.state == "unreachable":
        return problem(
            "database", f"{where}: {found.detail}", "start the server or correct DATABASE_URL"
        )
    if found.state == "behind":
        empty = found.revision is None
        return problem(
            "database",
            f"{where} is not migrated: it is {'empty' if empty else f'at {found.revision}'}",
            "taskctl migrate",
        )
    if found.state == "newer":
        return problem(
            "database",
            f"{where} is at {found.revision}, which this code does not know",
            "run the newer version of the code (git pull), or restore the backup from before it",
        )
    if found.state == "ahead":
        return warning(
            "database",
            f"{where} is at {found.revision}, of newer code, on which this code runs",
            "finish the upgrade: give this machine the newer code (git pull)",
        )
    return ok("database", f"{where} is at {found.revision}")


async def clock(db: AsyncSession, here: datetime | None = None) -> Finding:
    """How far this machine's time is from the database's, which is the one that counts.

    `here` is this machine's time, if it is not to be read from its clock.
    """
    there = (await db.execute(select(now()))).scalar_one()
    skew = ((here or datetime.now(UTC)) - there).total_seconds()
    if abs(skew) <= SKEW_SECONDS:
        return ok("clock", f"within {SKEW_SECONDS:g} s of the database's")
    direction = "ahead of" if skew > 0 else "behind"
    return warning(
        "clock",
        f"this machine is {abs(skew):.0f} s {direction} the database",
        "set both by a time server (NTP); times of tasks are the database's",
    )


async def server_version(db: AsyncSession) -> Finding | None:
    """Whether PostgreSQL is recent enough; nothing to say about SQLite, which is built in."""
    connection = await db.connection()
    if connection.dialect.name != "postgresql":
        return None
    found = [int(part) for part in connection.dialect.server_version_info or (0,)]
    number = ".".join(map(str, found))
    if found[0] < OLDEST_POSTGRESQL:
        return problem(
            "database version",
            f"PostgreSQL {number} lacks what the statements use",
            f"upgrade it to {OLDEST_POSTGRESQL} or newer",
        )
    return ok("database version", f"PostgreSQL {number}")


async def durability(db: AsyncSession) -> Finding | None:
    """Whether PostgreSQL keeps what it has answered; SQLite's connections see to it themselves."""
    connection = await db.connection()
    if connection.dialect.name != "postgresql":
        return None
    off = [
        name
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if (await db.execute(text(f"SHOW {name}"))).scalar_one() == "off"
    ]
    if off:
        return problem(
            "database durability",
            f"{', '.join(off)} off: a crash of the server may lose tasks that were accepted",
            "set to on in postgresql.conf, or by ALTER DATABASE or ALTER ROLE, and reload",
        )
    return ok("database durability", "what is committed survives a crash of the server")


async def pooler(db: AsyncSession, settings: Settings) -> Finding | None:
    """Whether the server itself ends statements for which nobody waits any more."""
    connection = await db.connection()
    if connection.dialect.name != "postgresql" or settings.database_pooler == "none":
        return None
    limit = (await db.execute(text("SHOW statement_timeout"))).scalar_one()
    if limit == "0":
        return warning(
            "database pooler",
            "behind a pooler a statement that this system gives up goes on in the server, without end",
            "ALTER ROLE name SET statement_timeout = '30s'",
        )
    return ok("database pooler", f"the server ends statements after {limit}")
