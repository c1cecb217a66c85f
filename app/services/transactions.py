"""The transactions of the verbs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError
from app.db.faults import is_locked

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[P, Coroutine[Any, Any, R]]
# The other transaction goes on meanwhile, and is mostly over by the second time.
TIMES = 3


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


def again_if_locked(verb: Verb[P, R]) -> Verb[P, R]:
    """Do `verb(db, ...)` once more when PostgreSQL has undone it for the sake of somebody else.

    Two that lock the same rows in different orders wait for each other, and one of them is ended. For
    verbs that lock many rows, in an order that is not theirs to choose.
    """

    @functools.wraps(verb)
    async def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        db = kwargs["db"] if "db" in kwargs else args[0]
        for times_left in reversed(range(TIMES)):
            try:
                return await verb(*args, **kwargs)
            except DBAPIError as error:
                if not is_locked(error) or times_left == 0 or not isinstance(db, AsyncSession):
                    raise
                await db.rollback()
        raise AssertionError("unreachable")

    return repeated
