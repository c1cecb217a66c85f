"""What this process counts, and what the database says, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.limits import LimitState, list_limits
from app.services.queue import QueueState, list_queues
from app.services.worker import list_workers

__all__ = ["CONTENT_TYPE", "CountRequests", "render"]

# The queues' numbers cost a scan of what waits, so they are taken this often at most.
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
_waiting = Gauge(
    "tasksystem_queue_waiting", "Ready tasks", ["queue", "priority"], registry=_registry
)
_dispatched = Gauge(
    "tasksystem_queue_dispatched", "Tasks handed to the broker", ["queue"], registry=_registry
)
_scheduled = Gauge(
    "tasksystem_queue_scheduled", "Tasks whose time has not come", ["queue"], registry=_registry
)
_running = Gauge("tasksystem_queue_running", "Running tasks", ["queue"], registry=_registry)
_oldest = Gauge(
    "tasksystem_queue_oldest_wait_seconds",
    "Longest wait of a ready task",
    ["queue"],
    registry=_registry,
)
_paused = Gauge("tasksystem_queue_paused", "1 when paused", ["queue"], registry=_registry)
_limit_used = Gauge(
    "tasksystem_limit_used",
    "Tasks handed out or running that count against a limit",
    ["kind", "name"],
    registry=_registry,
)
_limit_concurrency = Gauge(
    "tasksystem_limit_concurrency",
    "How many a limit lets run at a time; of one for many keys, of each",
    ["kind", "name"],
    registry=_registry,
)
_limit_handed_out = Gauge(
    "tasksystem_limit_handed_out",
    "Tasks handed out within the period of a limit's rate",
    ["kind", "name"],
    registry=_registry,
)
_workers = Gauge("tasksystem_workers_live", "Live workers", registry=_registry)
_slots = Gauge("tasksystem_worker_slots", "Slots of live workers", registry=_registry)

_taken_at = float("-inf")


class CountRequests:
    """Counts requests and how long they took to answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # A label per method a client may invent would be a series each.
        method = scope["method"] if scope["method"] in _METHODS else "other"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _counter(method, message["status"]).inc()
                _histogram(method).observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, counted)


@cache
def _counter(method: str, status: int) -> Counter:
    return _requests.labels(method, str(status))


@cache
def _histogram(method: str) -> Histogram:
    return _seconds.labels(method)


_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


async def render(db: AsyncSession) -> bytes:
    """The numbers as text."""
    global _taken_at
    if time.monotonic() - _taken_at > CACHE_SECONDS:
        _taken_at = time.monotonic()
        _show_queues(await list_queues(db))
        _show_limits(await list_limits(db))
        live = [worker for worker, is_live in await list_workers(db) if is_live]
        _workers.set(len(live))
        _slots.set(sum(worker.slots for worker in live))
    return generate_latest(_registry)


def _show_queues(states: Iterable[QueueState]) -> None:
    for state in states:
        for priority, depth in state.depth_by_priority.items():
            _waiting.labels(state.name, priority).set(depth)
        _dispatched.labels(state.name).set(state.dispatched)
        _scheduled.labels(state.name).set(state.scheduled)
        _running.labels(state.name).set(state.running)
        _oldest.labels(state.name).set(state.oldest_wait_seconds or 0)
        _paused.labels(state.name).set(state.paused)


def _show_limits(states: Iterable[LimitState]) -> None:
    for gauge in (_limit_used, _limit_concurrency, _limit_handed_out):
        gauge.clear()  # one that was lifted is none any more
    for state in states:
        _limit_used.labels(state.kind, state.name).set(state.used)
        if state.concurrency is not None:
            _limit_concurrency.labels(state.kind, state.name).set(state.concurrency)
        if state.rate is not None:
            _limit_handed_out.labels(state.kind, state.name).set(state.handed_out)
