"""Statements about deliveries of webhooks: the log, what is due, what came of it.

New ones are written by a trigger (`app.db.triggers`); here only those of a test are.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.db.clock import after, now
from app.db.lists import one_of
from app.domain.webhook import PING, DeliveryStatus
from app.models import EVERYBODY, User, Webhook, WebhookDelivery
from app.queries.types import DeletedRows, Rows, UpdatedRows

_DELIVERY = WebhookDelivery


def _has(status: DeliveryStatus) -> ColumnElement[bool]:
    # A constant, for the sake of the partial indexes.
    return _DELIVERY.status == literal_column(f"'{status.value}'")


_PENDING = _has(DeliveryStatus.PENDING)
_NOT_TAKEN = _DELIVERY.status != literal_column(f"'{DeliveryStatus.SUCCEEDED.value}'")
_SENT = (_DELIVERY.id, _DELIVERY.type, _DELIVERY.task_id, _DELIVERY.snapshot, _DELIVERY.attempts,
         _DELIVERY.next_attempt_at, _DELIVERY.created_at)  # fmt: skip


def _once(moment: Any) -> ColumnElement[Any]:
    """The moment, asked for once a statement: PostgreSQL takes it to an index only then."""
    return select(moment).scalar_subquery()


def list_deliveries(
    webhook_id: uuid.UUID,
    status: DeliveryStatus | None,
    after_id: uuid.UUID | None,
    limit: int,
) -> Select[WebhookDelivery]:
    """Deliveries of a webhook, newest first, behind `after_id`.

    The few that wait or have failed are not looked for among all that have succeeded.
    """
    conditions = [_DELIVERY.webhook_id == webhook_id]
    if status is not None:
        conditions.append(_has(status))
        if status is not DeliveryStatus.SUCCEEDED:
            conditions.append(_NOT_TAKEN)
    if after_id is not None:
        conditions.append(_DELIVERY.id < after_id)
    return select(_DELIVERY).where(*conditions).order_by(_DELIVERY.id.desc()).limit(limit)


def get(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Select[WebhookDelivery]:
    """One delivery of a webhook."""
    return select(_DELIVERY).where(_DELIVERY.webhook_id == webhook_id, _DELIVERY.id == delivery_id)


def insert_ping(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ReturningInsert[WebhookDelivery]:
    """A delivery that is about no task, due now."""
    return (
        insert(_DELIVERY)
        .values(
            id=delivery_id,
            webhook_id=webhook_id,
            type=PING,
            snapshot={},
            status=DeliveryStatus.PENDING.value,
            attempts=0,
            next_attempt_at=now(),
            created_at=now(),
        )
        .returning(_DELIVERY)
    )


def replay(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ReturningUpdate[WebhookDelivery]:
    """Due now, as if it had never been tried; an attempt that is under way counts no more."""
    return (
        update(_DELIVERY)
        .where(_DELIVERY.webhook_id == webhook_id, _DELIVERY.id == delivery_id)
        .values(status=DeliveryStatus.PENDING.value, attempts=0, next_attempt_at=now())
        .returning(_DELIVERY)
    )


# Sending


def _sendable() -> ColumnElement[bool]:
    """Whether the webhook is active, and its user may still see what it tells."""
    may_see = or_(Webhook.owner != EVERYBODY, User.role != "user")
    return and_(Webhook.active, User.disabled_at.is_(None), may_see)


def _first_due() -> ColumnElement[Any]:
    """When the webhook has the next delivery to send."""
    return (
        select(func.min(_DELIVERY.next_attempt_at))
        .where(_DELIVERY.webhook_id == Webhook.id, _PENDING)
        .correlate(Webhook)
        .scalar_subquery()
    )


def any_due() -> ColumnElement[bool]:
    """Whether a webhook has something to send now."""
    users = select(Webhook.id).join(User, User.id == Webhook.user_id)
    return users.where(_sendable(), _first_due() <= _once(now())).exists()


@cache
def due() -> Rows:
    """Webhooks that have something to send, longest due first, but for those that are busy.

    One look at an index for each active webhook, however many deliveries wait. Parameters:
    `busy_webhooks`, `busy_users`, `most`.
    """
    first = _first_due()
    previous = and_(Webhook.previous_salt.is_not(None), Webhook.previous_until > now())
    return (
        select(
            Webhook.id,
            Webhook.user_id,
            Webhook.url,
            Webhook.salt,
            Webhook.secret_hash,
            Webhook.previous_salt,
            previous.label("previous_counts"),
        )
        .join(User, User.id == Webhook.user_id)
        .where(
            _sendable(),
            ~one_of(Webhook.id, "busy_webhooks"),
            ~one_of(Webhook.user_id, "busy_users"),
            first <= _once(now()),
        )
        .order_by(first)
        .limit(bindparam("most", type_=Integer()))
    )


@cache
def claim() -> UpdatedRows:
    """Take deliveries that are due: they are due again after `seconds`, should nothing come of it.

    Parameters: `webhook`, `most`, `seconds`.
    """
    ready = (_PENDING, _DELIVERY.next_attempt_at <= _once(now()))
    chosen = (
        select(_DELIVERY.id)
        .where(_DELIVERY.webhook_id == bindparam("webhook"), *ready)
        .order_by(_DELIVERY.next_attempt_at)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True)
    )
    return (
        update(_DELIVERY)
        .where(_DELIVERY.id.in_(chosen), *ready)
        .values(next_attempt_at=after(bindparam("seconds", type_=Float())))
        .returning(*_SENT)
    )


def settle_if_claimed(claimed: Any, values: dict[str, Any], again_in: float | None) -> Update:
    """Write what came of an attempt, a row of `claim`; it is tried again in `again_in` seconds.

    Nothing if it was replayed, or claimed anew, meanwhile: the time until which a claim holds is
    that claim's alone.
    """
    later = {} if again_in is None else {"next_attempt_at": after(again_in)}
    holds = _DELIVERY.next_attempt_at == claimed.next_attempt_at
    return (
        update(_DELIVERY)
        .where(_DELIVERY.id == claimed.id, _PENDING, holds)
        .values(attempts=claimed.attempts + 1, last_attempt_at=now(), **values, **later)
    )


def overdue(seconds: float) -> Select[int]:
    """How many deliveries should have been sent more than `seconds` ago."""
    return (
        select(func.count())
        .select_from(_DELIVERY)
        .join(Webhook, Webhook.id == _DELIVERY.webhook_id)
        .join(User, User.id == Webhook.user_id)
        .where(_PENDING, _DELIVERY.next_attempt_at < _once(after(-seconds)), _sendable())
    )


# Removal


@cache
def removed_webhooks() -> Rows:
    """Ids of webhooks that are no more, of which there are deliveries; at most `:most`.

    One step through the index for each webhook, however many deliveries there are.
    """
    first = select(_DELIVERY.webhook_id).order_by(_DELIVERY.webhook_id).limit(1)
    told = select(first.scalar_subquery().label("id")).cte("told", recursive=True)
    following = first.where(_DELIVERY.webhook_id > told.c.id).scalar_subquery()
    told = told.union_all(select(following).where(told.c.id.is_not(None)).select_from(told))
    is_there = exists().where(Webhook.id == told.c.id)
    return (
        select(told.c.id)
        .where(told.c.id.is_not(None), ~is_there)
        .limit(bindparam("most", type_=Integer()))
    )


def forget_of(webhook_ids: Sequence[uuid.UUID], limit: int) -> DeletedRows:
    """Deliveries of these webhooks."""
    chosen = select(_DELIVERY.id).where(_DELIVERY.webhook_id.in_(webhook_ids)).limit(limit)
    return delete(_DELIVERY).where(_DELIVERY.id.in_(chosen)).returning(_DELIVERY.id)


def over_before(seconds: float, limit: int) -> Select[uuid.UUID]:
    """Deliveries of so long ago that are not about to be sent: ended, or of no active webhook."""
    return select(_DELIVERY.id).where(*_over_before(seconds)).limit(limit)


def forget_before(seconds: float, limit: int) -> DeletedRows:
    """Remove these."""
    mine = (_DELIVERY.id.in_(over_before(seconds, limit)), *_over_before(seconds))
    return delete(_DELIVERY).where(*mine).returning(_DELIVERY.id)


def _over_before(seconds: float) -> tuple[ColumnElement[bool], ...]:
    active = exists().where(Webhook.id == _DELIVERY.webhook_id, Webhook.active)
    over = or_(_DELIVERY.status != DeliveryStatus.PENDING.value, ~active)
    return _DELIVERY.created_at < _once(after(-seconds)), over
