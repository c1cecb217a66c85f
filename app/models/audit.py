"""The audit log: who did what, when, from where, and how it ended."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, JsonText, Timestamp
from app.domain.audit import Via

_VIAS = ", ".join(f"'{via.value}'" for via in Via)
_OPEN = text("status IS NULL")
_HAS_LAST, _HAS_FIRST = text("target_last IS NOT NULL"), text("target_first IS NOT NULL")


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
    # The values of `target` once more, to be found by: the last one and, where there are two, as of
    # a webhook and one of its deliveries, the first one.
    target_last: Mapped[str | None] = mapped_column(Text)
    target_first: Mapped[str | None] = mapped_column(Text)
    # As HTTP has it; NULL: it has not ended, or whoever did it was killed meanwhile.
    status: Mapped[int | None] = mapped_column(Integer)
    # Of the problem that was answered.
    code: Mapped[str | None] = mapped_column(Text)
    # The client's; at a terminal the machine's name.
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)

    # Ids are UUIDv7: each index but the first, which is for pruning, has the order of the list, and a
    # page is read off it. `from` and `to` need none, they are bounds of the id. Nor do two filters
    # together: the entries of one are looked up, and the other is tried on them.
    #
    # Two commits are what an action costs. Beside them it is little that on PostgreSQL the second one,
    # because it changes what is indexed, writes into every index anew.
    __table_args__ = (
        CheckConstraint(f"via IN ({_VIAS})", name="via_known"),
        Index("ix_audit_entries_at", "at"),
        Index("ix_audit_entries_user_id", "user_id", "id"),
        Index("ix_audit_entries_email", "email", "id"),
        Index("ix_audit_entries_action", "action", "id"),
        Index("ix_audit_entries_via", "via", "id"),
        Index("ix_audit_entries_status", "status", "id"),
        # The index above has each status in order, but not all failures together. SQLite would use it
        # all the same, and sort, if it saw the column by itself (`app.db.plans.aside`).
        Index(
            "ix_audit_entries_failed",
            "id",
            postgresql_where=text("status >= 400"),
            sqlite_where=text("+status >= 400"),
        ),
        # In order they are above, too, but PostgreSQL does not know that of NULL, and would sort.
        Index("ix_audit_entries_open", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index(
            "ix_audit_entries_target_last",
            "target_last",
            "id",
            postgresql_where=_HAS_LAST,
            sqlite_where=_HAS_LAST,
        ),
        Index(
            "ix_audit_entries_target_first",
            "target_first",
            "id",
            postgresql_where=_HAS_FIRST,
            sqlite_where=_HAS_FIRST,
        ),
    )
