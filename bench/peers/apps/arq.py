"""arq: asynchronous workers that run many jobs at a time."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings

from bench import calls
from bench.peers.apps import REDIS

CHUNK = 500


async def noop(ctx: dict[str, Any]) -> None:
    """Count."""
    calls.add()


class WorkerSettings:
    """More jobs at a time than the default of 10, and a shorter pause between polls."""

    functions: ClassVar[list[Any]] = [noop]
    redis_settings = RedisSettings.from_dsn(REDIS or "redis://localhost")
    max_jobs = 100
    poll_delay = 0.05


async def _fill(count: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        await asyncio.gather(*(pool.enqueue_job("noop") for _ in range(size)))
    await pool.aclose()


def fill(count: int) -> None:
    """Submit."""
    asyncio.run(_fill(count))
