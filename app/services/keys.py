"""Idempotency keys of requests about many tasks: they keep ids, and outlive what those are of."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Invalid
from app.queries import intake as queries
from app.services.intake import IDEMPOTENCY_SECONDS, Key


async def made_by(db: AsyncSession, key: Key) -> list[uuid.UUID] | None:
    """What an earlier request with the key made. Raises `Invalid` if it was another request."""
    statement = queries.find_key(key.owner, key.key, IDEMPOTENCY_SECONDS)
    found = (await db.scalars(statement)).first()
    if found is None:
        return None
    if found.fingerprint != key.fingerprint or found.task_ids is None:
        raise Invalid(
            "This Idempotency-Key was used for another request; use a new key",
            code="idempotency_key_reused",
        )
    return [uuid.UUID(each) for each in found.task_ids]


async def take_key(db: AsyncSession, key: Key, ids: Iterable[uuid.UUID]) -> bool:
    """Keep what this request makes; False if another one has just taken the key.

    One that is about to take it is waited for.
    """
    statement = queries.take_keys(IDEMPOTENCY_SECONDS)
    return (await db.execute(statement, {"keys": [key.taken_by_all(ids)]})).first() is not None


async def made_by_first(db: AsyncSession, key: Key) -> list[uuid.UUID]:
    """What the request made that has taken the key, instead of what this one has begun."""
    await db.rollback()
    found = await made_by(db, key)
    await db.rollback()
    if found is None:
        raise Conflict("The first request with this Idempotency-Key was undone; send it again")
    return found
