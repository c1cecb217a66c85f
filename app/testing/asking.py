"""The services, which are asynchronous, for tests that may not be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import async_session

Answer = TypeVar("Answer")


def ask(verb: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
    """What a service answers, given a session of its own."""

    async def asked() -> Answer:
        async with async_session() as db:
            return await verb(db)

    return beside_loop(lambda: asyncio.run(asked()))


def beside_loop(act: Callable[[], Answer]) -> Answer:
    """Do it where no event loop runs: in a thread, if one does here, which waits meanwhile."""
    if not _loop_runs():
        return act()
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(act).result()


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
