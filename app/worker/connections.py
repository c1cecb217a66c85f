"""The database connections of a pool process, and its patience with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import Database, is_transient

log = get_logger(__name__)

Answer = TypeVar("Answer")
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 2.0


@cache
def database() -> Database:
    """Durable: claims and settlements survive a power cut."""
    return Database(durable=True)


@cache
def relaxed_database() -> Database:
    """For writes that may be lost with the last fraction of a second: progress and logs."""
    return Database(durable=False)


_waits = threading.local()


def tell_of_waits(tell: Callable[[], None]) -> None:
    """From now on `tell` is called when something in this thread has to wait for the database."""
    _waits.tell = tell


def until_answered(
    ask: Callable[[], Answer],
    *,
    in_doubt: Callable[[Answer], Answer] | None = None,
    in_body: bool = False,
) -> Answer:
    """Repeat until the row answers: with the database away there is nothing better to do.

    The fence decides what the answer is worth, not how long it took. A write whose answer got
    lost may have been committed, and may even still be under way while it is repeated; so the
    answer of a repetition is shown to `in_doubt`, which looks whether that is why a row is missing
    from it. `in_body`: it is the task's own code that waits, and its time limit goes on. Raises
    what is not transient.
    """
    pause = FIRST_PAUSE_SECONDS
    doubtful = False
    while True:
        try:
            answer = ask()
            return in_doubt(answer) if doubtful and in_doubt is not None else answer
        except SQLAlchemyError as exc:
            if not is_transient(exc):
                raise
            log.warning(
                "database_unreachable",
                error=first_line(exc),
                cure="repeating until it answers; check DATABASE_URL and the server",
            )
        tell = getattr(_waits, "tell", None)
        if tell is not None and not doubtful and not in_body:
            tell()
        doubtful = True
        time.sleep(pause)
        pause = min(pause * 2, LAST_PAUSE_SECONDS)
