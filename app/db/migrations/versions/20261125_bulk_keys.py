"""idempotency keys of requests that make many tasks

Revision: 20261125_bulk_keys
Follows: 20261125_statistics
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261125_bulk_keys"
down_revision = "20261125_statistics"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("idempotency_keys") as batch_op:
        batch_op.alter_column("task_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.add_column(sa.Column("task_ids", app.db.base.JsonText(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM idempotency_keys WHERE task_id IS NULL")
    with op.batch_alter_table("idempotency_keys") as batch_op:
        batch_op.drop_column("task_ids")
        batch_op.alter_column("task_id", existing_type=sa.Uuid(), nullable=False)
