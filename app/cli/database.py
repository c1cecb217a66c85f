"""The settings' database, for the commands that work on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.failures import CliError
from app.db import migrate
from app.db.session import async_session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Action:
    """What a command changes, as the audit log has it. No secrets."""

    name: str
    detail: dict[str, Any] = field(default_factory=dict)
    target: dict[str, str] = field(default_factory=dict)


def in_database(work: Callable[[AsyncSession], Awaitable[T]], action: Action | None = None) -> T:
    """Run `work` with a session on the database of the settings; an `action` is recorded first.

    An empty database gets its schema first, so that a token can be had before anything was ever
    started. Raises `CliError` for one that cannot be reached or is of another version.
    """
    found = migrate.status()
    if found.state == "unreachable":
        raise CliError(f"{found.detail}; start it or correct DATABASE_URL")
    if found.state == "behind" and found.revision is None:
        found = migrate.upgrade()
    if not found.usable:
        raise CliError(found.detail)
    return asyncio.run(_with_session(work, action))


async def _with_session(work: Callable[[AsyncSession], Awaitable[T]], action: Action | None) -> T:
    async with _recorded(action), async_session() as db:
        return await work(db)


def _recorded(action: Action | None) -> AbstractAsyncContextManager[None]:
    if action is None:
        return nullcontext()
    from app.services import audit

    return audit.at_terminal(action.name, action.target, action.detail)


def create_admin_token(name: str, life: timedelta) -> str:
    """A token of admin@localhost, who is made at the first time."""
    from app.services import auth

    async def make(db: AsyncSession) -> str:
        await auth.ensure_admin(db)
        _, plain = await auth.create_token(
            db, auth.ADMIN_EMAIL, name=name, expires_in=life.total_seconds(), bounded=False
        )
        return plain

    told = {"user": auth.ADMIN_EMAIL, "name": name, "expires_in": life.total_seconds()}
    return in_database(make, Action("token create", told))
