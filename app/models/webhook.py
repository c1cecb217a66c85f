"""Webhooks: whom to tell how tasks end, and what has been told.

A trigger (`app.db.triggers`) writes deliveries in the transaction that ends a task; nobody but the
sender (`app.maintenance.webhooks`) sends them.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.webhook import DeliveryStatus, message_id
from app.models.statistics import EVERYBODY

_STATUSES = ", ".join(f"'{status.value}'" for status in DeliveryStatus)
_ACTIVE = text("active")
_PENDING = text("status = 'pending'")
_NOT_TAKEN = text("status <> 'succeeded'")
FILTERS = ("task_type", "celery_task_name", "queue", "tag")


class Webhook(Base):
    """A URL of a user's, called when tasks end: the user's own, or everybody's (`EVERYBODY`).

    The secret is not kept: it is derived from `SECRET_KEY` and a salt (`services.webhook_secret`).
    """

    __tablename__ = "webhooks"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # Whose tasks.
    owner: Mapped[uuid.UUID] = mapped_column(Uuid)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JsonText)
    # Which tasks; NULL does not restrict.
    task_type: Mapped[str | None] = mapped_column(Text)
    celery_task_name: Mapped[str | None] = mapped_column(Text)
    queue: Mapped[str | None] = mapped_column(Text)
    tag: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column()
    # Why the system has set `active` to false.
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    # When the first of the failures happened after which nothing has succeeded.
    failing_since: Mapped[datetime | None] = mapped_column(Timestamp)
    salt: Mapped[str] = mapped_column(Text)
    # Of the secret: tells whether it can still be derived.
    secret_hash: Mapped[str] = mapped_column(Text)
    previous_salt: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    updated_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        Index("ix_webhooks_user_id", "user_id", "id"),
        # What the trigger asks, at the end of each task.
        Index("ix_webhooks_owner", "owner", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
    )

    @property
    def scope(self) -> str:
        """Whose tasks it is told about."""
        return "all" if self.owner == EVERYBODY else "own"

    @property
    def filter(self) -> dict[str, str]:
        """The conditions that a task has to meet."""
        return {name: value for name in FILTERS if (value := getattr(self, name)) is not None}


class WebhookDelivery(Base):
    """One event for one webhook.

    No foreign key: the end of a task would wait for whoever removes the webhook, and fail with it.
    What has lost its webhook is never sent, and an agent removes it.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    webhook_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    # `app.domain.webhook`: an event's name, or PING, which is about no task.
    type: Mapped[str] = mapped_column(Text)
    task_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    # The task as it ended, by columns; the times in microseconds since 1970.
    snapshot: Mapped[dict[str, Any]] = mapped_column(JsonText)
    status: Mapped[str] = mapped_column(Text)
    # Attempts whose end is known.
    attempts: Mapped[int] = mapped_column(Integer)
    # When it is due; while it is being sent, when it would be sent once more.
    next_attempt_at: Mapped[datetime] = mapped_column(Timestamp)
    last_attempt_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # Of the last attempt: what was answered, or why nothing was.
    response_status: Mapped[int | None] = mapped_column(Integer)
    response_body: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)

    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status_known"),
        Index("ix_webhook_deliveries_webhook_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
        Index(
            "ix_webhook_deliveries_not_taken",
            "webhook_id",
            "status",
            "id",
            postgresql_where=_NOT_TAKEN,
            sqlite_where=_NOT_TAKEN,
        ),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=_PENDING,
            sqlite_where=_PENDING,
        ),
    )

    @property
    def message_id(self) -> str:
        """The same however often it is sent, and to however many receivers."""
        return message_id(self.id, self.task_id)
