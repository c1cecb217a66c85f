"""bulk operations

Revision: 20261125_bulk_operations
Follows: 20261125_error_groups
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261125_bulk_operations"
down_revision = "20261125_error_groups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_operations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("filter", app.db.base.JsonText(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("outcomes", app.db.base.JsonText(), nullable=False),
        sa.Column("reached", sa.Uuid(), nullable=True),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("updated_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("ended_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('cancel', 'retry', 'delete')",
            name=op.f("ck_bulk_operations_action_known"),
        ),
        sa.CheckConstraint(
            "status IN ('running', 'finished', 'aborted')",
            name=op.f("ck_bulk_operations_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_operations")),
    )
    op.create_index("ix_bulk_operations_user_id", "bulk_operations", ["user_id", "id"])
    op.create_index("ix_bulk_operations_ended_at", "bulk_operations", ["ended_at"])
    running = sa.text("status = 'running'")
    op.create_index(
        "ix_bulk_operations_running",
        "bulk_operations",
        ["updated_at"],
        postgresql_where=running,
        sqlite_where=running,
    )
    op.create_table(
        "bulk_items",
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("new_task_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["bulk_operations.id"],
            name=op.f("fk_bulk_items_operation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("operation_id", "task_id", name=op.f("pk_bulk_items")),
    )


def downgrade() -> None:
    op.drop_table("bulk_items")
    op.drop_table("bulk_operations")
