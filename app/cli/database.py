"""The settings' database, for the commands that work on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.failures import CliError
from app.db import migrate
from app.db.session import async_session

T = TypeVar("T")


def in_database(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Run `work` with a session on the database of the settings.

    An empty database gets its schema first, so that a token can be had before anything was ever
    started. Raises `CliError` for one that cannot be reached or is of another version.
    """
    found = migrate.status()
    if found.state == "unreachable":
        raise CliError(f"{found.detail}; start it or correct DATABASE_URL")
    if found.state == "behind" and found.revision is None:
        found = migrate.upgrade()
    if found.state != "current":
        raise CliError(found.detail)
    return asyncio.run(_with_session(work))


async def _with_session(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async with async_session() as db:
        return await work(db)


def create_admin_token(name: str, life: timedelta) -> str:
    """A token of admin@localhost, who is made at the first time."""
    from app.services import auth

    async def make(db: AsyncSession) -> str:
        await auth.ensure_admin(db)
        _, plain = await auth.create_token(
            db, auth.ADMIN_EMAIL, name=name, expires_in=life.total_seconds()
        )
        return plain

    return in_database(make)
