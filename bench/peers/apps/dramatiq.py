"""dramatiq: worker processes with threads."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench import calls
from bench.peers.apps import REDIS

dramatiq.set_broker(RedisBroker(url=REDIS))


@dramatiq.actor
def noop() -> None:
    """Count."""
    calls.add()


def fill(count: int) -> None:
    """Submit."""
    for _ in range(count):
        noop.send()
