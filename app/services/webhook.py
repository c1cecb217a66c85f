"""Webhooks: whom to tell how tasks end. Making, changing and testing them.

`owner` None is for operators, who see everybody's. What has been told is in `services.delivery`, and
the sender in `app.maintenance.webhooks`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.security import Principal
from app.db import ids
from app.db.session import take_turns
from app.domain.addresses import Refused
from app.domain.webhook import WebhookEvent
from app.models import EVERYBODY, Webhook
from app.models.webhook import FILTERS
from app.queries import webhooks as queries
from app.services import webhook_post
from app.services.transactions import undone_if_refused
from app.services.webhook_secret import new_secret

# How long the secret of before a rotation is still signed with.
OVERLAP_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """What somebody wants. `filter` has some of `FILTERS`; `everybody` is about all tasks."""

    url: str
    events: Sequence[WebhookEvent] = tuple(WebhookEvent)
    filter: dict[str, str] = field(default_factory=dict)
    everybody: bool = False
    active: bool = True


@undone_if_refused
async def create(db: AsyncSession, new: NewWebhook, caller: Principal) -> tuple[Webhook, str]:
    """Make a webhook and commit; the second value is its secret, which is not kept.

    Raises `Forbidden` for everybody's tasks unless the caller sees them, `Invalid` for a URL that is
    not called, `Conflict` when the caller has `WEBHOOKS_PER_USER` already.
    """
    if new.everybody and caller.owner is not None:
        raise Forbidden(
            "Only operators can be told about everybody's tasks: leave out scope, or make it own",
            code="operator_needed",
        )
    _require_url(new.url)
    await _require_room(db, caller.user_id)
    secret, shown = new_secret()
    values = {
        "id": ids.new_id(),
        "user_id": caller.user_id,
        "owner": EVERYBODY if new.everybody else caller.user_id,
        "url": new.url,
        "events": _names(new.events),
        **_columns(new.filter),
        "active": new.active,
        **secret,
    }
    webhook = (await db.scalars(queries.insert_webhook(values))).one()
    await db.commit()
    return webhook, shown


def _require_url(url: str) -> None:
    try:
        webhook_post.check(url)
    except Refused as exc:
        raise Invalid(
            str(exc), errors=[{"loc": ["body", "url"], "msg": str(exc), "type": "url"}]
        ) from None


async def _require_room(db: AsyncSession, user_id: uuid.UUID) -> None:
    most = get_settings().webhooks_per_user
    await take_turns(db, f"webhooks:{user_id}")
    if (await db.scalar(queries.count_of(user_id)) or 0) >= most:
        raise Conflict(
            f"You have {most} webhooks, which is as many as WEBHOOKS_PER_USER allows; delete one",
            code="too_many_webhooks",
        )


def _names(events: Sequence[WebhookEvent]) -> list[str]:
    return sorted({event.value for event in events})


def _columns(conditions: dict[str, str]) -> dict[str, str | None]:
    return {name: conditions.get(name) for name in FILTERS}


async def list_webhooks(
    db: AsyncSession,
    *,
    owner: uuid.UUID | None,
    after_id: uuid.UUID | None = None,
    limit: int = 100,
) -> Sequence[Webhook]:
    """Webhooks, newest first, after the one of that id."""
    return (await db.scalars(queries.list_webhooks(owner, after_id, limit))).all()


@undone_if_refused
async def get(db: AsyncSession, webhook_id: uuid.UUID, *, owner: uuid.UUID | None) -> Webhook:
    """One webhook. Raises `NotFound`, also for somebody else's."""
    return _found((await db.scalars(queries.get(webhook_id, owner))).first())


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("There is no such webhook")
    return webhook


@undone_if_refused
async def change(
    db: AsyncSession, webhook_id: uuid.UUID, changes: dict[str, Any], *, owner: uuid.UUID | None
) -> Webhook:
    """Change some of `url`, `events`, `filter` (as a whole) and `active`.

    What was disabled because it failed begins anew when it is activated, and what fails does at
    another URL. Raises `NotFound`, and `Invalid` for a URL that is not called.
    """
    values: dict[str, Any] = {name: changes[name] for name in ("url", "active") if name in changes}
    if "url" in values:
        _require_url(values["url"])
        values["failing_since"] = None
    if "events" in changes:
        values["events"] = _names(changes["events"])
    if "filter" in changes:
        values |= _columns(changes["filter"])
    if values.get("active"):
        values |= {"disabled_reason": None, "failing_since": None}
    webhook = _found((await db.scalars(queries.change(webhook_id, owner, values))).first())
    await db.commit()
    return webhook


@undone_if_refused
async def rotate_secret(
    db: AsyncSession, webhook_id: uuid.UUID, *, owner: uuid.UUID | None
) -> tuple[Webhook, str]:
    """Give it another secret, the second value; for a day the old one is signed with as well.

    Raises `NotFound`.
    """
    secret, shown = new_secret()
    statement = queries.rotate(webhook_id, owner, secret, OVERLAP_SECONDS)
    webhook = _found((await db.scalars(statement)).first())
    await db.commit()
    return webhook, shown


@undone_if_refused
async def delete(db: AsyncSession, webhook_id: uuid.UUID, *, owner: uuid.UUID | None) -> None:
    """Remove it, and send nothing more. Raises `NotFound`."""
    if (await db.execute(queries.remove(webhook_id, owner))).first() is None:
        raise NotFound("There is no such webhook")
    await db.commit()
