"""taskiq: its list broker, the fastest it has, and results in Redis: what shows what became of a
task."""

from __future__ import annotations

import asyncio

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from bench import calls
from bench.peers.apps import REDIS

CHUNK = 500
# By default a read is given up after 5 s, and what it had taken from the list is lost: submitting to a
# halted worker takes longer.
broker = ListQueueBroker(REDIS, socket_timeout=None).with_result_backend(
    RedisAsyncResultBackend(REDIS, result_ex_time=3600)
)


@broker.task(task_name="noop")
async def noop() -> None:
    """Count."""
    calls.add()


async def _fill(count: int) -> None:
    await broker.startup()
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        await asyncio.gather(*(noop.kiq() for _ in range(size)))
    await broker.shutdown()


def fill(count: int) -> None:
    """Submit."""
    asyncio.run(_fill(count))
