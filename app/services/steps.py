"""Work as the statements it takes, so that what has a session and what has a connection share it.

A generator yields each statement with its parameters, is sent the rows, and returns what came of it.
It decides; only the executing differs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.ext.asyncio import AsyncSession

Answer = TypeVar("Answer")
Rows = Sequence[Row[Any]]
Steps = Generator[tuple[Executable, Any], Rows, Answer]


async def carry_out(db: AsyncSession, steps: Steps[Answer]) -> Answer:
    """Execute every step in the session's transaction."""
    rows: Rows | None = None
    while True:
        try:
            statement, parameters = next(steps) if rows is None else steps.send(rows)
        except StopIteration as done:
            answer: Answer = done.value
            return answer
        result: Any = await db.execute(statement, parameters)
        # Results of the ORM always have rows, and do not say so.
        rows = result.all() if getattr(result, "returns_rows", True) else ()


def carry_out_on(connection: Connection, steps: Steps[Answer]) -> Answer:
    """Execute every step in the connection's transaction."""
    rows: Rows | None = None
    while True:
        try:
            statement, parameters = next(steps) if rows is None else steps.send(rows)
        except StopIteration as done:
            answer: Answer = done.value
            return answer
        result = connection.execute(statement, parameters)
        rows = result.all() if result.returns_rows else ()
