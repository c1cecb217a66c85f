"""The audit log: who did what, when, from where, and how it ended."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.audit import Via

_VIAS = ", ".join(f"'{via.value}'" for via in Via)


class AuditEntry(Base):
    """One action, written before it begins and completed when it has ended.

    No foreign keys: an entry says what was so then, whatever becomes of the user, the token and
    what the action was about.
    """

    __tablename__ = "audit_entries"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    at: Mapped[datetime] = mapped_column(Timestamp)
    # NULL for strangers, and at a terminal.
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    # As it was then; of a refused sign-in the one that was tried.
    email: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    via: Mapped[str] = mapped_column(Text)
    token_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    token_prefix: Mapped[str | None] = mapped_column(Text)
    # The API's operation, or the words of a command.
    action: Mapped[str] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    path: Mapped[str | None] = mapped_column(Text)
    # `app.domain.audit`: the parameters of the path, and what tells of the action.
    target: Mapped[dict[str, str]] = mapped_column(JsonText)
    detail: Mapped[dict[str, Any]] = mapped_column(JsonText)
    # As HTTP has it; NULL: it has not ended, or whoever did it was killed meanwhile.
    status: Mapped[int | None] = mapped_column(Integer)
    # Of the problem that was answered.
    code: Mapped[str | None] = mapped_column(Text)
    # The client's; at a terminal the machine's name.
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint(f"via IN ({_VIAS})", name="via_known"),
        Index("ix_audit_entries_at", "at"),
        Index("ix_audit_entries_user_id", "user_id", "id"),
        Index("ix_audit_entries_email", "email", "id"),
        Index("ix_audit_entries_action", "action", "id"),
    )
