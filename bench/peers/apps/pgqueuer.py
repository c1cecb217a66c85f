"""pgqueuer: asynchronous workers on asyncpg, large batches, jobs submitted in bulk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench import calls
from bench.peers.apps import POSTGRES

CHUNK = 1000


@asynccontextmanager
async def main() -> AsyncIterator[PgQueuer]:
    """What `pgq run` starts."""
    connection = await asyncpg.connect(POSTGRES)
    queuer = PgQueuer(AsyncpgDriver(connection))

    @queuer.entrypoint("noop")
    async def noop(job: Job) -> None:
        calls.add()

    yield queuer
    await connection.close()


async def _prepare() -> None:
    connection = await asyncpg.connect(POSTGRES)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def _fill(count: int) -> None:
    connection = await asyncpg.connect(POSTGRES)
    queries = Queries(AsyncpgDriver(connection))
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        await queries.enqueue(["noop"] * size, [None] * size, [0] * size)
    await connection.close()


def prepare() -> None:
    """Make its tables."""
    asyncio.run(_prepare())


def fill(count: int) -> None:
    """Submit."""
    asyncio.run(_fill(count))
