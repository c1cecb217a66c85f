"""saq: asynchronous workers that run many jobs at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from saq import Queue

from bench import calls
from bench.peers.apps import REDIS

CHUNK = 500
queue = Queue.from_url(REDIS or "redis://localhost")


async def noop(ctx: dict[str, Any]) -> None:
    """Count."""
    calls.add()


settings = {"queue": queue, "functions": [noop], "concurrency": 100}


async def _fill(count: int) -> None:
    await queue.connect()
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        await asyncio.gather(*(queue.enqueue("noop") for _ in range(size)))
    await queue.disconnect()


def fill(count: int) -> None:
    """Submit."""
    asyncio.run(_fill(count))
