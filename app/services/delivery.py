"""Deliveries of webhooks: the log, a test, and sending something again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, NotFound
from app.db import ids
from app.domain.webhook import DeliveryStatus
from app.models import Webhook, WebhookDelivery
from app.queries import deliveries as queries
from app.services import webhook as webhooks
from app.services.transactions import undone_if_refused


async def list_deliveries(
    db: AsyncSession,
    webhook_id: uuid.UUID,
    *,
    owner: uuid.UUID | None,
    status: DeliveryStatus | None = None,
    after_id: uuid.UUID | None = None,
    limit: int = 100,
) -> Sequence[WebhookDelivery]:
    """Deliveries of a webhook, newest first, after the one of that id. Raises `NotFound`."""
    await webhooks.get(db, webhook_id, owner=owner)
    statement = queries.list_deliveries(webhook_id, status, after_id, limit)
    return (await db.scalars(statement)).all()


@undone_if_refused
async def get(
    db: AsyncSession,
    webhook_id: uuid.UUID,
    delivery_id: uuid.UUID,
    *,
    owner: uuid.UUID | None,
) -> WebhookDelivery:
    """One delivery. Raises `NotFound`."""
    await webhooks.get(db, webhook_id, owner=owner)
    return _found((await db.scalars(queries.get(webhook_id, delivery_id))).first())


def _found(delivery: WebhookDelivery | None) -> WebhookDelivery:
    if delivery is None:
        raise NotFound("There is no such delivery")
    return delivery


@undone_if_refused
async def test(
    db: AsyncSession, webhook_id: uuid.UUID, *, owner: uuid.UUID | None
) -> WebhookDelivery:
    """Have a ping sent. Raises `NotFound`, and `Conflict` for a webhook that is not active."""
    _require_active(await webhooks.get(db, webhook_id, owner=owner))
    ping = (await db.scalars(queries.insert_ping(webhook_id, ids.new_id()))).one()
    await db.commit()
    return ping


@undone_if_refused
async def replay(
    db: AsyncSession,
    webhook_id: uuid.UUID,
    delivery_id: uuid.UUID,
    *,
    owner: uuid.UUID | None,
) -> WebhookDelivery:
    """Have it sent now and, should that fail, as often as if it had never been tried.

    Raises `NotFound`, and `Conflict` for a webhook that is not active.
    """
    _require_active(await webhooks.get(db, webhook_id, owner=owner))
    delivery = _found((await db.scalars(queries.replay(webhook_id, delivery_id))).first())
    await db.commit()
    return delivery


def _require_active(webhook: Webhook) -> None:
    if not webhook.active:
        raise Conflict(
            "The webhook is not active, so nothing is sent; set active to true", code="not_active"
        )
