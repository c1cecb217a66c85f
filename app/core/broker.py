"""Connections to the broker for everything that is not Celery: notices and health.

Nobody who calls these may be held up by a broker that is gone or silent, hence the short
timeouts and no retries. Keys and channels are named in full by the caller, prefix included.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.config import get_settings

PATIENCE_SECONDS = 2.0
BrokerError = (redis.RedisError, OSError)
# Below the prefix: the capped list of entries that were no usable messages.
DEAD_KEY = "dead"


@cache
def sync_client() -> redis.Redis:
    """The client of this process, thread-safe. Its pool opens new connections after a fork."""
    return redis.Redis.from_url(_url(), retry=Retry(NoBackoff(), 0), **_options())


def async_client() -> redis.asyncio.Redis:
    """A client for the running event loop. Whoever made it calls `aclose()`."""
    return redis.asyncio.Redis.from_url(_url(), retry=AsyncRetry(NoBackoff(), 0), **_options())


def _url() -> str:
    return get_settings().celery_broker_url


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_keepalive": True,
        "client_name": "tasksystem",
    }
