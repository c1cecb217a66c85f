"""the audit log

Revision: 20261127_audit
Follows: 20261126_delivery_log
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import JsonText, Timestamp

revision = "20261127_audit"
down_revision = "20261126_delivery_log"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Timestamp(timezone=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("token_prefix", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("target", JsonText(), nullable=False),
        sa.Column("detail", JsonText(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "via IN ('token', 'session', 'link', 'password', 'terminal')",
            name=op.f("ck_audit_entries_via_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    for column in ("user_id", "email", "action"):
        op.create_index(f"ix_audit_entries_{column}", "audit_entries", [column, "id"])


def downgrade() -> None:
    op.drop_table("audit_entries")
