"""Sessions.

`async_session()` is what services and task code use; `read_session()` is for reads that need no
transaction; `Database` is the synchronous twin for workers and agents. Statements come from
`app.queries` and are the same for all three.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Executable, Result
from sqlalchemy.engine import Engine
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.db.engines import async_engine, sync_engine

_pools: dict[tuple[int, bool], AsyncEngine] = {}
_unpooled: dict[tuple[int, bool], AsyncEngine] = {}


def async_session() -> AsyncSession:
    """A session in a transaction of its own: `async with async_session() as session: ...`.

    Works on any event loop, also on one made for a single call inside a task.
    """
    return AsyncSession(_engine(read_only=False), expire_on_commit=False)


def read_session() -> AsyncSession:
    """A session whose reads hold no transaction open and, on SQLite, no write lock."""
    return AsyncSession(_engine(read_only=True), expire_on_commit=False)


def _engine(*, read_only: bool) -> AsyncEngine:
    loop = id(asyncio.get_running_loop())
    if (pooled := _pools.get((loop, read_only))) is not None:
        return pooled
    key = (os.getpid(), read_only)
    if key not in _unpooled:
        _unpooled[key] = async_engine(pooled=False, read_only=read_only)
    return _unpooled[key]


def open_pools() -> None:
    """Give the running event loop connection pools. The API does this while it serves."""
    loop = id(asyncio.get_running_loop())
    for read_only in (False, True):
        _pools[loop, read_only] = async_engine(pooled=True, read_only=read_only)


async def close_pools() -> None:
    """Undo `open_pools`."""
    loop = id(asyncio.get_running_loop())
    for read_only in (False, True):
        if engine := _pools.pop((loop, read_only), None):
            await engine.dispose()


class Database:
    """Synchronous access for one process: single statements commit on their own.

    Never carried across a fork: the first use after one opens new connections and leaves the
    parent's alone. Thread-safe; each thread gets a connection of its own.
    """

    def __init__(self, *, durable: bool = True, pool_size: int = 1) -> None:
        self._durable = durable
        self._pool_size = pool_size
        self._pid = 0
        self._transactions: Engine
        self._singles: Engine

    def _open(self) -> None:
        if self._pid == os.getpid():
            return
        if self._pid:
            self._transactions.dispose(close=False)
        self._transactions = sync_engine(durable=self._durable, pool_size=self._pool_size)
        self._singles = self._transactions.execution_options(isolation_level="AUTOCOMMIT")
        self._pid = os.getpid()

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Run one statement in a transaction of its own; the result is already fetched."""
        with self.single() as connection:
            result = connection.execute(statement, parameters)
            if not result.returns_rows:
                return IteratorResult(SimpleResultMetaData([]), iter(()))
            return result.freeze()()

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection on which every statement commits at once."""
        self._open()
        with self._singles.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in one transaction; commits at the end of the block."""
        self._open()
        with self._transactions.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections of this process."""
        if self._pid == os.getpid():
            self._transactions.dispose()
            self._pid = 0


def is_transient(error: BaseException) -> bool:
    """Whether repeating the same statement later may succeed: lost connection, lock, shutdown."""
    if isinstance(error, PoolTimeout | InterfaceError | OperationalError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated
