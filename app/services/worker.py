"""Workers, as they describe themselves."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.models import Worker
from app.queries import workers as queries

MISSED_HEARTBEATS = 3


def silence_seconds() -> float:
    """How long a worker may be silent and still count as live."""
    return MISSED_HEARTBEATS * get_settings().heartbeat_seconds


async def list_workers(db: AsyncSession) -> list[tuple[Worker, bool]]:
    """Every worker by name, with whether it is live."""
    return [
        (worker, live) for worker, live in await db.execute(queries.all_workers(silence_seconds()))
    ]


async def count_by_queue(db: AsyncSession) -> Counter[str]:
    """How many live workers serve each queue. One that is stopping takes nothing new."""
    workers = await db.scalars(queries.live_workers(silence_seconds()))
    return Counter(queue for worker in workers if not worker.stopping for queue in worker.queues)
