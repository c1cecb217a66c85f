"""Statements about webhooks."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.db.clock import after, now
from app.models import Webhook
from app.queries.types import DeletedRows


def visible(owner: uuid.UUID | None) -> ColumnElement[bool]:
    """Restricts to the webhooks of `owner`; None restricts nothing.

    One about everybody's tasks, with their errors in its log, is for operators only: whoever has made
    it and is none any more does not see it either.
    """
    if owner is None:
        return literal(True)
    return and_(Webhook.user_id == owner, Webhook.owner == owner)


def insert_webhook(values: dict[str, Any]) -> ReturningInsert[Webhook]:
    """A new webhook."""
    return insert(Webhook).values(created_at=now(), updated_at=now(), **values).returning(Webhook)


def count_of(user_id: uuid.UUID) -> Select[int]:
    """How many webhooks a user has."""
    return select(func.count()).select_from(Webhook).where(Webhook.user_id == user_id)


def get(webhook_id: uuid.UUID, owner: uuid.UUID | None) -> Select[Webhook]:
    """One webhook."""
    return select(Webhook).where(Webhook.id == webhook_id, visible(owner))


def list_webhooks(
    owner: uuid.UUID | None, after_id: uuid.UUID | None, limit: int
) -> Select[Webhook]:
    """Webhooks, newest first, behind `after_id`."""
    behind = [] if after_id is None else [Webhook.id < after_id]
    wanted = select(Webhook).where(visible(owner), *behind)
    return wanted.order_by(Webhook.id.desc()).limit(limit)


def change(
    webhook_id: uuid.UUID, owner: uuid.UUID | None, values: dict[str, Any]
) -> ReturningUpdate[Webhook]:
    """Write these columns."""
    return (
        update(Webhook)
        .where(Webhook.id == webhook_id, visible(owner))
        .values(updated_at=now(), **values)
        .returning(Webhook)
    )


def rotate(
    webhook_id: uuid.UUID, owner: uuid.UUID | None, secret: dict[str, Any], overlap_seconds: float
) -> ReturningUpdate[Webhook]:
    """Another secret; the one that it has stays good for so long beside it."""
    values = {
        **secret,
        "previous_salt": Webhook.salt,
        "previous_until": after(overlap_seconds),
    }
    return change(webhook_id, owner, values)


def remove(webhook_id: uuid.UUID, owner: uuid.UUID | None) -> DeletedRows:
    """Remove one. An agent removes its deliveries, which nobody sees any more."""
    return delete(Webhook).where(Webhook.id == webhook_id, visible(owner)).returning(Webhook.id)


# What the sender finds out at a URL. It says nothing about one that the webhook has got meanwhile.


def note_success(webhook_id: uuid.UUID, url: str) -> Update:
    """It is not failing, if it was."""
    failing = Webhook.failing_since.is_not(None)
    return update(Webhook).where(*_still(webhook_id, url), failing).values(failing_since=None)


def note_failure(
    webhook_id: uuid.UUID, url: str, disable_seconds: float | None, reason: str
) -> Update:
    """It is failing, and since when; not active any more if that is `disable_seconds` ago."""
    late: ColumnElement[bool] = literal(False)
    if disable_seconds is not None:
        late = Webhook.failing_since < after(-disable_seconds)
    return (
        update(Webhook)
        .where(*_still(webhook_id, url), Webhook.active)
        .values(
            failing_since=func.coalesce(Webhook.failing_since, now()),
            active=case((late, literal(False)), else_=Webhook.active),
            disabled_reason=case((late, literal(reason)), else_=null()),
        )
    )


def disable(webhook_id: uuid.UUID, url: str, reason: str) -> Update:
    """It is not active any more."""
    return (
        update(Webhook)
        .where(*_still(webhook_id, url), Webhook.active)
        .values(active=False, disabled_reason=reason)
    )


def _still(webhook_id: uuid.UUID, url: str) -> tuple[ColumnElement[bool], ...]:
    return Webhook.id == webhook_id, Webhook.url == url
