"""what has ever happened, for /metrics

Revision: 20261127_metrics
Follows: 20261127_audit_filters
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db.base import JsonText

revision = "20261127_metrics"
down_revision = "20261127_audit_filters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty: counters begin at nothing, and only how they grow says anything.
    op.create_table(
        "queue_totals",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.Column("waits", JsonText(), nullable=False),
        sa.Column("runs", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_totals")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_table(
        "system_counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name=op.f("pk_system_counters")),
        postgresql_with={"fillfactor": "60"},
    )


def downgrade() -> None:
    op.drop_table("system_counters")
    op.drop_table("queue_totals")
