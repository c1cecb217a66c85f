"""RQ: workers that run jobs in their own process (`SimpleWorker`), jobs submitted in bulk."""

from __future__ import annotations

import redis
import rq

from bench import calls
from bench.peers.apps import REDIS

CHUNK = 1000


def noop() -> None:
    """Count."""
    calls.add()


def fill(count: int) -> None:
    """Submit."""
    queue = rq.Queue(connection=redis.Redis.from_url(REDIS))
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        queue.enqueue_many([rq.Queue.prepare_data(noop) for _ in range(size)])
