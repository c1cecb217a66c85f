"""Webhooks and their deliveries, as tests make and see them without the API."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, update

from app.core.security import CEILING, Principal, Role
from app.models import User, Webhook, WebhookDelivery
from tests.support.world import World

HOOK = "https://example.com/hook"


async def user(email: str = "owner@example.org", role: Role = Role.USER) -> Principal:
    """A user, who is made when new."""
    from app.core.errors import Conflict
    from app.db.session import async_session
    from app.queries import users
    from app.services import auth

    async with async_session() as db:
        try:
            found: User | None = await auth.create_user(db, email, role)
        except Conflict:
            found = await db.scalar(users.user_by_email(email))
    assert found is not None
    return Principal(found.id, email, role, CEILING[role])


async def webhook(of: Principal, url: str = HOOK, **wanted: Any) -> tuple[uuid.UUID, str]:
    """The id and the secret of a new webhook; fields of `NewWebhook`."""
    from app.db.session import async_session
    from app.services.webhook import NewWebhook, create

    async with async_session() as db:
        made, secret = await create(db, NewWebhook(url, **wanted), of)
    return made.id, secret


def deliveries(world: World, webhook_id: uuid.UUID | None = None) -> Sequence[Row[Any]]:
    """What a webhook, or every one, was to be told, oldest first."""
    wanted = select(WebhookDelivery).order_by(WebhookDelivery.id)
    if webhook_id is not None:
        wanted = wanted.where(WebhookDelivery.webhook_id == webhook_id)
    return world.database.execute(wanted).all()


def row_of(world: World, webhook_id: uuid.UUID) -> Row[Any]:
    """The webhook as it is now."""
    return world.database.execute(select(Webhook).where(Webhook.id == webhook_id)).one()


def force_due(world: World, **values: Any) -> None:
    """Time passes: whatever waits is due."""
    past = world.now() - timedelta(seconds=1)
    statement = update(WebhookDelivery).values(next_attempt_at=past, **values)
    world.database.execute(statement)
