"""What this process counts, and what it learns of the whole system, for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import families
from app.services.live import Live
from app.services.metrics import Observed, observe

__all__ = ["CONTENT_TYPE", "CountRequests", "Exposition"]

# However often somebody asks, database and broker are asked this often at most.
CACHE_SECONDS = 5.0

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()
_requests = Counter(
    "tasksystem_http_requests", "Requests answered", ["method", "status"], registry=_registry
)
_seconds = Histogram(
    "tasksystem_http_response_start_seconds",
    "Time until a response began",
    ["method"],
    registry=_registry,
)
# Processor time, memory and open files of this process, under the names that everybody has.
ProcessCollector(registry=_registry)


class CountRequests:
    """Counts requests and how long they took to answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        # A label per method a client may invent would be a series each.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        answered = False

        def count(status: int) -> None:
            nonlocal answered
            answered = True
            _counter(method, status).inc()
            _histogram(method).observe(time.perf_counter() - began)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except ClientDisconnect:
            raise
        except Exception:
            if not answered:
                count(500)  # answered further out
            raise


@cache
def _counter(method: str, status: int) -> Counter:
    return _requests.labels(method, str(status))


@cache
def _histogram(method: str) -> Histogram:
    return _seconds.labels(method)


_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


class Exposition:
    """The text that Prometheus reads. One of each process; asks at most one question at a time."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._seen: Observed | None = None
        self._seen_at = 0.0
        self._one = asyncio.Lock()

    async def render(self) -> bytes:
        """All numbers. Those of the system are up to `CACHE_SECONDS` old."""
        async with self._one:
            if self._seen is None or time.monotonic() - self._seen_at > CACHE_SECONDS:
                self._seen = await observe(self._live.open_streams)
                self._seen_at = time.monotonic()
        return generate_latest(_registry) + generate_latest(_Shown(self._seen))


class _Shown(Collector):
    """What was observed, as `generate_latest` takes it."""

    def __init__(self, seen: Observed) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Every metric of the system."""
        return families.metrics(self._seen)
