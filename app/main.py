"""The API: `uvicorn app.main:app`."""

from __future__ import annotations

import asyncio
import contextlib
import logging as stdlib_logging
import signal
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.cors import CORSMiddleware

from app import events
from app.api import contract, dashboard, docs, health, pages, problems, routing
from app.api.metrics import CountRequests, Exposition
from app.api.middleware import Deadline, RequestContext
from app.api.v1 import (
    audit,
    auth,
    bulk,
    bulk_operations,
    error_groups,
    limits,
    queues,
    schedules,
    statistics,
    task_events,
    task_relations,
    task_types,
    tasks,
    tokens,
    users,
    webhooks,
    workers,
)
from app.core import logging, tracing
from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.core.version import VERSION
from app.db import ids, migrate
from app.db.session import async_session, pools
from app.queries.clock import database_time
from app.services.auth import ensure_admin
from app.services.catalogue import catalogue
from app.services.health import Readiness
from app.services.live import Live

START_PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 2.0
# Every request is answered within 3 s; who has not taken the answer by then is not waited for.
DRAIN_SECONDS = 10.0
# How late it may notice that it is to end.
SHUTDOWN_LOOK_SECONDS = 0.5
_log = logging.get_logger(__name__)

_DESCRIPTION = """
Durable background tasks. Send `Authorization: Bearer <token>` with every request but health,
these pages and sign-in. Bodies are JSON; times are RFC 3339 with offset and answered in UTC.
Every error has one shape, `application/problem+json`, with a stable `code` for programs.
"""

_TAGS = [
    {"name": "tasks", "description": "Create, find, change, cancel, delete and run again."},
    {"name": "bulk operations", "description": "Cancel, retry and delete many at once."},
    {"name": "events", "description": "Live state as server-sent events."},
    {"name": "statistics", "description": "What happened, how often and how long; reports."},
    {"name": "error groups", "description": "The same failure, counted once."},
    {"name": "webhooks", "description": "Being told when tasks end."},
    {"name": "task types", "description": "The functions that can be submitted."},
    {"name": "schedules", "description": "Tasks at fixed times."},
    {"name": "queues", "description": "What waits, and holding it back."},
    {"name": "limits", "description": "How many tasks run at once, and how often they start."},
    {"name": "workers", "description": "Who executes."},
    {"name": "account", "description": "Signing in, tokens and users."},
    {"name": "audit", "description": "Who did what, when, and how it ended."},
    {"name": "health", "description": "For load balancers and Prometheus."},
]


def create_app() -> FastAPI:
    """The application with everything in place; nothing is connected until it serves."""
    app = FastAPI(
        title="Task system",
        version=VERSION,
        summary="Durable background tasks on FastAPI and Celery",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # A span for each request, once the lifespan has switched tracing on; parts of one say little,
        # and logs would be exceptions with all that is in them.
        telemetry={
            "operation_spans": False,
            "logs": False,
            "auto_configure": False,
            "exclude": _is_untraced,
        },
    )
    # The streams before the tasks: /tasks/events is not a task's id.
    about_tasks = (task_events, tasks, bulk, bulk_operations, task_relations, task_types)
    others = (
        statistics,
        error_groups,
        schedules,
        webhooks,
        queues,
        limits,
        workers,
        auth,
        tokens,
        users,
        audit,
        health,
    )
    modules = (*about_tasks, *others)
    routing.serve(app, *(module.router for module in modules))
    problems.install(app)
    contract.install(app)
    docs.install(app)
    dashboard.install(app)
    pages.install(app)
    _surround(app)
    return app


def _is_untraced(scope: MutableMapping[str, Any]) -> bool:
    """Files, those who only look whether it lives, and event streams, which last for hours."""
    path: str = scope["path"]
    return not path.startswith("/api/") or path.rstrip("/").endswith("/events")


def _surround(app: FastAPI) -> None:
    """Middleware, innermost first."""
    app.add_middleware(Deadline)
    if origins := get_settings().cors_origins:
        _allow(app, origins)
    app.add_middleware(CountRequests)
    app.add_middleware(RequestContext)


def _allow(app: FastAPI, origins: list[str]) -> None:
    """Pages of these origins may read with a view token."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "Last-Event-ID",
            "X-Request-ID",
        ],
        expose_headers=[
            "Link",
            "X-Total-Count",
            "X-Request-ID",
            "Idempotent-Replayed",
            "Location",
            "Retry-After",
        ],
    )


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    logging.configure("app")
    # It announces itself at every look at the schema, and health looks every second.
    stdlib_logging.getLogger("alembic.runtime.migration").setLevel(stdlib_logging.WARNING)
    await asyncio.to_thread(catalogue)
    await asyncio.to_thread(tracing.start, "api", warn=True)
    app.state.live = live = Live()
    app.state.readiness = Readiness()
    app.state.metrics = Exposition(live)
    work = (_prepare_database(), live.run(), _end_streams_at_shutdown(live))
    async with pools(), _background(*work) as running:
        await _wait_a_moment(running[0])
        _log.info("ready", version=VERSION, environment=get_settings().app_env)
        yield
        live.close()
    await asyncio.to_thread(events.flush)
    await asyncio.to_thread(tracing.finish)


@contextlib.asynccontextmanager
async def _background(*work: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(_say_why_it_ended)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _say_why_it_ended(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ConfigurationError):
        _log.error("a background loop ended", error=str(error), exc_info=error)


async def _prepare_database() -> None:
    """Bring the schema up to date (in development) and have an administrator.

    Goes on trying while the database is away; /health/ready says so meanwhile. A schema that
    this code does not know is not a matter of waiting.
    """
    said = ""
    while True:
        try:
            await asyncio.to_thread(_check_schema)
            async with async_session() as db:
                ids.learn((await db.execute(database_time())).one()[0])
                await ensure_admin(db)
            return
        except _NewerSchema:
            raise
        except (ConfigurationError, SQLAlchemyError, OSError) as exc:
            if str(exc) != said:
                said = str(exc)
                _log.warning("the database is not ready", reason=said)
        await asyncio.sleep(RETRY_SECONDS)


class _NewerSchema(ConfigurationError):
    """The database belongs to a newer version of this code."""


def _check_schema() -> None:
    if get_settings().app_env == "development":
        with contextlib.suppress(ConfigurationError):
            migrate.upgrade()
    found = migrate.status()
    if found.state == "newer":
        raise _NewerSchema(found.detail)
    if not found.usable:
        raise ConfigurationError(found.detail)


async def _wait_a_moment(preparing: asyncio.Task[None]) -> None:
    """Start with a database that is ready, if it gets ready soon. Raises for a newer schema."""
    await asyncio.wait({preparing}, timeout=START_PATIENCE_SECONDS)
    if preparing.done():
        preparing.result()


async def _end_streams_at_shutdown(live: Live) -> None:
    """End the event streams when the server is told to stop.

    It waits for open connections before it ends this lifespan, and streams would stay open for
    ever, and so would clients that do not read. uvicorn's own flag is watched, through the signal
    handler that it has installed; its own limit is none unless the command line sets one.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    config = getattr(server, "config", None)
    if config is not None and getattr(config, "timeout_graceful_shutdown", 0) is None:
        config.timeout_graceful_shutdown = DRAIN_SECONDS
    while not getattr(server, "should_exit", False):  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(SHUTDOWN_LOOK_SECONDS)
    live.close()


def _create_or_say_why() -> FastAPI:
    try:
        return create_app()
    except ConfigurationError as exc:
        # Under uvicorn this ends the start with the sentence instead of a traceback.
        raise SystemExit(f"The API cannot start: {exc}") from None


app = _create_or_say_why()
