"""what tasks keep for their next attempt

Revision: 20261125_checkpoints
Follows: 20261125_lists
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261125_checkpoints"
down_revision = "20261125_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_checkpoints",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("written_at", app.db.base.Timestamp(), nullable=False),
        sa.Column("state", app.db.base.JsonText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["tasks.id"],
            name=op.f("fk_task_checkpoints_task_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_task_checkpoints")),
    )


def downgrade() -> None:
    op.drop_table("task_checkpoints")
