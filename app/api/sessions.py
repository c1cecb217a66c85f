"""Database sessions as dependencies. Given back before the response is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import async_session, read_session
from app.db.turns import turn


async def _writing() -> AsyncIterator[AsyncSession]:
    async with turn(), async_session() as session:
        yield session


async def _reading() -> AsyncIterator[AsyncSession]:
    async with read_session() as session:
        yield session


Db = Annotated[AsyncSession, Depends(_writing, scope="function")]
ReadDb = Annotated[AsyncSession, Depends(_reading, scope="function")]
