"""huey: worker processes."""

from __future__ import annotations

from huey import RedisHuey

from bench import calls
from bench.peers.apps import REDIS

huey = RedisHuey("bench", url=REDIS)


@huey.task()
def noop() -> None:
    """Count."""
    calls.add()


def fill(count: int) -> None:
    """Submit."""
    for _ in range(count):
        noop()
