"""Whether this process can do its work, and if not, why."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from app.core.broker import BrokerError, async_client
from app.core.config import get_settings, masked_url
from app.core.version import VERSION
from app.db import migrate
from app.db.session import read_session
from app.models import Worker
from app.services.catalogue import catalogue
from app.services.worker import list_workers

# Below the deadline of a request, with room for a slow machine: the answer names what is wrong.
CHECK_SECONDS = 1.5
CACHE_SECONDS = 1.0

Status = Literal["ok", "degraded", "failed"]
_ORDER: tuple[Status, ...] = ("ok", "degraded", "failed")


@dataclass(frozen=True, slots=True)
class Check:
    """One part; `detail` names the cure where there is something to cure."""

    status: Status
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """`failed`: cannot do its work. `degraded`: can, but something is missing."""

    status: Status
    reasons: list[str]
    checks: dict[str, Check]


class Readiness:
    """Checks the parts, at most once a second and one check at a time.

    The schema is compared in a thread, which may hang with the database; so it is never started
    again while it still does.
    """

    def __init__(self) -> None:
        self._last: Health | None = None
        self._until = 0.0
        self._one = asyncio.Lock()
        self._schema: asyncio.Task[migrate.SchemaStatus] | None = None

    async def check(self) -> Health:
        """The health of database, schema, broker and workers."""
        async with self._one:
            if self._last is None or time.monotonic() >= self._until:
                self._last = await self._check()
                self._until = time.monotonic() + CACHE_SECONDS
            return self._last

    async def _check(self) -> Health:
        # At the same time: one after the other they would come too late for the request.
        database, broker, workers = await asyncio.gather(self._database(), ask_broker(), _workers())
        checks = {"database": database, "broker": broker}
        if database.status == "ok":
            checks["workers"] = workers
        worst = max((check.status for check in checks.values()), key=_ORDER.index)
        reasons = [check.detail for check in checks.values() if check.status != "ok"]
        return Health(status=worst, reasons=reasons, checks=checks)

    async def _database(self) -> Check:
        if self._schema is None or self._schema.done():
            self._schema = asyncio.create_task(asyncio.to_thread(migrate.status))
        try:
            found = await asyncio.wait_for(asyncio.shield(self._schema), CHECK_SECONDS)
        except TimeoutError:
            return Check(status="failed", detail="The database does not answer")
        if found.usable:
            return Check(status="ok", detail=found.detail)
        return Check(status="failed", detail=found.detail)


async def ask_broker() -> Check:
    """Whether the broker answers. Waits at most 1.5 s for it."""
    client = async_client()
    try:
        await asyncio.wait_for(client.ping(), CHECK_SECONDS)
    except (*BrokerError, TimeoutError) as exc:
        url = masked_url(get_settings().celery_broker_url)
        return Check(
            status="degraded",
            detail=f"The broker at {url} does not answer ({type(exc).__name__}); tasks are "
            "accepted and start once it is back. Start it, or correct CELERY_BROKER_URL",
        )
    finally:
        await client.aclose()
    return Check(status="ok", detail="The broker answers")


async def _workers() -> Check:
    try:
        live = await asyncio.wait_for(_live_workers(), CHECK_SECONDS)
    except (SQLAlchemyError, OSError, TimeoutError) as exc:
        # All connections are in use: a load balancer that left this process out for it would put
        # the load on the others, until none is left.
        return Check(
            status="degraded",
            detail=f"The workers could not be asked for ({type(exc).__name__}); it is busy",
        )
    if not live:
        return Check(
            status="degraded",
            detail="No worker is alive; tasks wait. Start one: python -m scripts.celery_worker",
        )
    own = (VERSION, catalogue().hash)
    # One that is stopping is being replaced.
    others = [w for w in live if (w.version, w.catalogue_hash) != own and not w.stopping]
    if others:
        # Anybody may ask: names of machines are for the doctor.
        return Check(
            status="degraded",
            detail=f"{len(others)} of {len(live)} live workers are of another version than this "
            f"API ({VERSION}) or know other functions; taskctl doctor names them. Give them the "
            "same code and TASK_MODULES, and restart them",
        )
    return Check(status="ok", detail=f"{len(live)} alive")


async def _live_workers() -> list[Worker]:
    async with read_session() as db:
        return [worker for worker, is_live in await list_workers(db) if is_live]
