"""Sessions.

`async_session()` is what services and task code use; `read_session()` is for reads that need no
transaction; `Database` is the synchronous twin for workers and agents. Statements come from
`app.queries` and are the same for all three.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.pool import QueuePool

from app.db.engines import async_engine, sync_engine
from app.db.exchanges import Exchanges, Fetched
from app.db.faults import is_transient as is_transient
from app.db.patience import PatientConnection, is_gone, numbered_cursor
from app.db.prepared import Call, Prepared, Together

# By the loop itself: its id may be given to another one later.
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, AsyncEngine]] = WeakKeyDictionary()
_unpooled: dict[tuple[int, int, bool], AsyncEngine] = {}


def async_session() -> AsyncSession:
    """A session in a transaction of its own: `async with async_session() as session: ...`.

    Works on any event loop, also on one made for a single call inside a task.
    """
    return AsyncSession(_engine(read_only=False), expire_on_commit=False)


def read_session() -> AsyncSession:
    """A session whose reads hold no transaction open and, on SQLite, no write lock."""
    return AsyncSession(_engine(read_only=True), expire_on_commit=False)


def writing(*, single: bool) -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection for statements without a session.

    In one transaction that commits at the end of the block; with `single` each statement commits
    by itself, which saves the two exchanges around it.
    """
    return _engine(read_only=True).connect() if single else _engine(read_only=False).begin()


def allow_time_on(connection: Connection, seconds: float) -> None:
    """Until the transaction ends, a statement may take so long, whatever its role may otherwise."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")


def limit_lock_waits_on(connection: Connection, seconds: float) -> None:
    """Until the transaction ends, give up a wait for somebody else's lock after this time.

    SQLite has one lock, which is waited for before the transaction begins.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(seconds * 1000)}")


async def limit_lock_waits(connection: AsyncConnection, seconds: float) -> None:
    """The same on an asynchronous connection."""
    await connection.run_sync(limit_lock_waits_on, seconds)


async def take_turns(session: AsyncSession, name: str) -> None:
    """Until the transaction ends, nobody else is in one that has taken this turn.

    SQLite has one writer anyway.
    """
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        await connection.exec_driver_sql(lock, (name,))


def _engine(*, read_only: bool) -> AsyncEngine:
    if (pooled := _pools.get(asyncio.get_running_loop())) is not None:
        return pooled[read_only]
    # One for each thread: at its first connect an engine waits on an asyncio lock, and a lock that
    # a loop in another thread releases wakes nobody here.
    key = (os.getpid(), threading.get_ident(), read_only)
    if key not in _unpooled:
        _unpooled[key] = async_engine(pooled=False, read_only=read_only)
    return _unpooled[key]


@asynccontextmanager
async def pools() -> AsyncIterator[None]:
    """Connection pools for the running event loop, as long as the block lasts. For the API."""
    loop = asyncio.get_running_loop()
    opened = {each: async_engine(pooled=True, read_only=each) for each in (False, True)}
    _pools[loop] = opened
    try:
        yield
    finally:
        del _pools[loop]
        for engine in opened.values():
            await engine.dispose()


def connections_lent() -> dict[str, int]:
    """Of the running event loop's pools, how many connections are in use: `read` and `write`."""
    lent = {}
    for read_only, engine in _pools.get(asyncio.get_running_loop(), {}).items():
        pool = engine.sync_engine.pool
        if isinstance(pool, QueuePool):
            lent["read" if read_only else "write"] = pool.checkedout()
    return lent


class Database:
    """Synchronous access for one process: single statements commit on their own.

    Never carried across a fork: the first use after one opens new connections and leaves the
    parent's alone. Thread-safe; each thread gets a connection of its own.
    """

    def __init__(
        self,
        *,
        durable: bool = True,
        pool_size: int = 1,
        given: str | None = None,
        patience: float | None = None,
    ) -> None:
        # Another database than that of the settings, other seconds for a statement than a worker's.
        self._given = given
        self._patience = patience
        self._durable = durable
        self._pool_size = pool_size
        self._pid = 0
        self._mine = threading.local()
        # Statements are built once and kept by whoever builds them, so they are their own keys.
        self._prepared: dict[Executable, Prepared] = {}
        self._together: dict[tuple[Executable, ...], Together] = {}
        self._transactions: Engine
        self._singles: Engine

    def _open(self) -> None:
        if self._pid == os.getpid():
            return
        if self._pid:
            self._transactions.dispose(close=False)
        self._transactions = sync_engine(
            durable=self._durable,
            pool_size=self._pool_size,
            given=self._given,
            patience=self._patience,
        )
        self._singles = self._transactions.execution_options(isolation_level="AUTOCOMMIT")
        self._mine = threading.local()
        self._pid = os.getpid()

    def execute(self, statement: Executable, parameters: Any = None) -> Fetched:
        """Run one statement in a transaction of its own.

        On this thread's own connection, which stays open: taking one from the pool and giving
        it back would cost as much as the statement.
        """
        connection = self._own_connection()
        try:
            result = connection.execute(statement, parameters)
            return Fetched(result.all() if result.returns_rows else ())
        except BaseException:
            # Whatever happened to it, the next statement gets a fresh one. A signal's handler may
            # have closed everything meanwhile.
            vars(self._mine).pop("connection", None)
            connection.close()
            raise

    def run(self, *calls: Call) -> list[Fetched]:
        """Run statements of the hot path in one transaction of their own, with one commit.

        They must be built once and kept (`functools.cache`). None may need what another one of the
        same call writes.
        """
        with self._driver() as (driver, dialect):
            if dialect.name == "postgresql":
                return self._run_as_one(driver, dialect, calls)
            if len(calls) == 1:
                prepared = self._prepare(calls[0][0], dialect)
                found = driver.execute(prepared.text, prepared.parameters(calls[0][1]))
                return [Fetched(prepared.rows(found.fetchall()))]
        with self.exchanges() as exchanges:
            return exchanges.ask(*calls)

    def _run_as_one(self, driver: Any, dialect: Dialect, calls: Sequence[Call]) -> list[Fetched]:
        with numbered_cursor(driver) as cursor:
            if len(calls) == 1:
                prepared = self._prepare(calls[0][0], dialect)
                cursor.execute(prepared.text, prepared.parameters(calls[0][1]), prepare=True)
                return [Fetched(prepared.rows(cursor.fetchall()))]
            statements = tuple(statement for statement, _ in calls)
            together = self._together.get(statements)
            if together is None:
                parts = [self._prepare(statement, dialect) for statement in statements]
                together = self._together[statements] = Together(parts)
            parameters = together.parameters([given for _, given in calls])
            cursor.execute(together.text, parameters, prepare=True)
            return [Fetched(rows) for rows in together.rows(cursor.fetchall())]

    @contextmanager
    def exchanges(self) -> Iterator[Exchanges]:
        """A transaction of statements of the hot path; commits at the end of the block.

        On this thread's own connection: whatever else it executes meanwhile is part of it.
        """
        with self._driver() as (driver, dialect):
            exchanges = Exchanges(driver, dialect, self._prepare)
            yield exchanges
            exchanges.commit()

    @contextmanager
    def _driver(self) -> Iterator[tuple[Any, Dialect]]:
        """The driver's own connection; after an error the next statement gets a fresh one."""
        connection = self._own_connection()
        try:
            yield connection.connection.driver_connection, connection.dialect
        except connection.dialect.loaded_dbapi.Error as exc:
            self._drop(connection)
            base = connection.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(None, None, exc, base, dialect=connection.dialect) from exc
        except BaseException:
            self._drop(connection)
            raise

    def _prepare(self, statement: Executable, dialect: Dialect) -> Prepared:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, dialect)
        return prepared

    def _drop(self, connection: Connection) -> None:
        vars(self._mine).pop("connection", None)
        if not connection.closed:  # by `close` in a signal's handler
            connection.invalidate()
            connection.close()

    def _own_connection(self) -> Connection:
        self._open()
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None and _is_gone(connection):
            del self._mine.connection
            connection.invalidate()
            connection.close()
            connection = None
        if connection is None:
            connection = self._mine.connection = self._singles.connect()
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in one transaction; commits at the end of the block."""
        self._open()
        with self._transactions.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close this thread's connection, and those that are lent to nobody."""
        if self._pid == os.getpid():
            connection = getattr(self._mine, "connection", None)
            if connection is not None:
                # At once and with nothing rolled back: a signal's handler may be here while the
                # connection waits for an answer.
                self._drop(connection)
            self._mine = threading.local()
            self._transactions.dispose()
            self._pid = 0


def _is_gone(connection: Connection) -> bool:
    driver = connection.connection.driver_connection
    return isinstance(driver, PatientConnection) and is_gone(driver)
