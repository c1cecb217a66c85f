"""Connections to PostgreSQL that do not wait for ever.

The server's own `statement_timeout` covers what the server does. It does not cover a server that
is frozen, or a network that swallows packets without a word: the kernel's time-outs see nothing
wrong as long as something between the two, a proxy or a pooler, acknowledges them.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

import psycopg
from psycopg import OperationalError, waiting
from psycopg.abc import RV, PQGen
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn

# The server gets this much longer than its own time-out, so that it can say what was wrong.
GRACE_SECONDS = 0.5
_LOOK_SECONDS = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """Gives up an exchange that the server does not complete in time, and the connection with it."""

    patience = 30.0

    @classmethod
    def open(cls, patience: float, *args: Any, **parameters: Any) -> Self:
        """Connect, and wait `patience` seconds for each answer."""
        connection = cls.connect(*args, **parameters)
        connection.patience = patience
        return connection

    def wait(
        self, gen: PQGen[RV], interval: float = _LOOK_SECONDS, timeout: float | None = None
    ) -> RV:
        """Drive an exchange with the server to its end. Raises `OperationalError` past the time."""
        return super().wait(_in_time(gen, self.pgconn, self.patience), interval, timeout)


class PatientAsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for an event loop."""

    patience = 30.0

    @classmethod
    async def open(cls, patience: float, *args: Any, **parameters: Any) -> Self:
        """Connect, and wait `patience` seconds for each answer."""
        connection = await cls.connect(*args, **parameters)
        connection.patience = patience
        return connection

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = _LOOK_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's signature
    ) -> RV:
        """As above; whoever is cancelled meanwhile leaves at once.

        psycopg would ask the server over a second connection to end the statement, and wait for
        that: ten seconds for a server that is away, during which the pool lacks the connection.
        The server's own time-out ends the statement as well.
        """
        exchange = _in_time(gen, self.pgconn, self.patience)
        try:
            return await waiting.wait_async(exchange, self.pgconn.socket, interval, timeout)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            self.pgconn.finish()
            raise


def _in_time(gen: PQGen[RV], server: PGconn, patience: float) -> PQGen[RV]:
    """The exchange, which is asked every `interval` whether it wants to go on waiting."""
    deadline = time.monotonic() + patience + GRACE_SECONDS
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                server.finish()
                raise OperationalError(f"the server has not answered for {patience:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        answer: RV = end.value
        return answer


def numbered_cursor(connection: psycopg.Connection[Any]) -> psycopg.RawCursor[Any]:
    """A cursor for texts with PostgreSQL's own `$1`."""
    return psycopg.RawCursor(connection)


def is_gone(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether the server has closed an idle connection. Asks nobody: looks at what has arrived."""
    server = connection.pgconn
    try:
        # Twice: after a farewell message the end of the stream is seen by the second.
        server.consume_input()
        server.consume_input()
    except psycopg.Error:
        return True
    return server.status != ConnStatus.OK
