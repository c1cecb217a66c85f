"""The audit log as tests see it."""

from __future__ import annotations

from typing import Any

import httpx2
from sqlalchemy import select

from app.models import AuditEntry
from tests.support.api import eventually


async def entries(**wanted: Any) -> list[AuditEntry]:
    """Entries whose columns have these values, oldest first."""
    from app.db.session import read_session

    statement = select(AuditEntry).filter_by(**wanted).order_by(AuditEntry.id)
    async with read_session() as db:
        return list(await db.scalars(statement))


async def entry_of(answer: httpx2.Response) -> AuditEntry:
    """The one entry of a request; it is completed when that has been answered."""
    found: list[AuditEntry] = []

    async def ended() -> bool:
        found[:] = await entries(request_id=answer.headers["x-request-id"])
        return bool(found) and all(entry.status is not None for entry in found)

    asked = f"{answer.request.method} {answer.request.url.path}"
    await eventually(ended, within=5, what=f"{asked} has an entry with an end")
    (entry,) = found
    return entry
