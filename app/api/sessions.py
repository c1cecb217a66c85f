"""Database sessions as dependencies. Given back before the response is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.db.session import async_session, read_session

_turns: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}


async def _writing() -> AsyncIterator[AsyncSession]:
    async with _turn(), async_session() as session:
        yield session


def _turn() -> AbstractAsyncContextManager[None]:
    """On SQLite, writers of this process take turns, first come first served.

    It has one writer at a time anyway, and those who find it busy poll: under load some would
    poll until they give up while newcomers overtake them.
    """
    if not get_settings().is_sqlite:
        return nullcontext()
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns.clear()
        _turns[loop] = asyncio.Lock()
    return _turns[loop]


async def _reading() -> AsyncIterator[AsyncSession]:
    async with read_session() as session:
        yield session


Db = Annotated[AsyncSession, Depends(_writing, scope="function")]
ReadDb = Annotated[AsyncSession, Depends(_reading, scope="function")]
