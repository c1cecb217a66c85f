"""deliveries that wait or have failed, by webhook

Revision: 20261126_delivery_log
Follows: 20261126_short_parts
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_delivery_log"
down_revision = "20261126_short_parts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    not_taken = sa.text("status <> 'succeeded'")
    op.create_index(
        "ix_webhook_deliveries_not_taken",
        "webhook_deliveries",
        ["webhook_id", "status", "id"],
        postgresql_where=not_taken,
        sqlite_where=not_taken,
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_not_taken", "webhook_deliveries")
