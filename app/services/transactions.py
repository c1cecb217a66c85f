"""The transactions of the verbs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[P, Coroutine[Any, Any, R]]


def undone_if_refused(verb: Verb[P, R]) -> Verb[P, R]:
    """End the transaction of `verb(db, ...)` when it refuses.

    A refusal has read what it refuses. On SQLite that read has begun a transaction which keeps
    every other writer waiting, and the caller's session may live long after the refusal.
    """

    @functools.wraps(verb)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await verb(*args, **kwargs)
        except AppError:
            db = kwargs["db"] if "db" in kwargs else args[0]
            if isinstance(db, AsyncSession):
                await db.rollback()
            raise

    return guarded
