"""Whose turn it is to write, on SQLite."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

from app.core.config import get_settings

_turns: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}


def turn() -> AbstractAsyncContextManager[None]:
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
