"""Webhooks: is what they are to be told sent in time."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import deliveries
from app.services.doctor.findings import Finding, warning

# Nothing waits so long for its turn unless nobody sends, or a receiver keeps far more waiting.
OVERDUE_SECONDS = 120.0


async def overdue(db: AsyncSession) -> Finding | None:
    """How many deliveries should long have been sent; None when all is in time."""
    count = await db.scalar(deliveries.overdue(OVERDUE_SECONDS)) or 0
    if not count:
        return None
    return warning(
        "webhooks",
        f"{count} deliveries have been due for more than {OVERDUE_SECONDS / 60:g} minutes",
        "start a worker if none is alive, for its agent sends them; if one is, a receiver is slow: "
        "GET /api/v1/webhooks/{id}/deliveries?status=pending shows which, and it can be deactivated",
    )
