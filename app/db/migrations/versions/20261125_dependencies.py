"""dependencies between tasks

Revision: 20261125_dependencies
Follows: 20261124_sessions
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261125_dependencies"
down_revision = "20261124_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_dependencies",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("needs_id", sa.Uuid(), nullable=False),
        sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["tasks.id"],
            name=op.f("fk_task_dependencies_task_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_id", "needs_id", name=op.f("pk_task_dependencies")),
    )
    op.create_index("ix_task_dependencies_needs", "task_dependencies", ["needs_id", "task_id"])
    op.create_index(
        "ix_task_dependencies_untold",
        "task_dependencies",
        ["needs_id", "task_id"],
        postgresql_where=sa.text("NOT told"),
        sqlite_where=sa.text("told = 0"),
    )
    op.add_column("tasks", sa.Column("depends_on", app.db.base.JsonText(), nullable=True))
    op.add_column(
        "tasks",
        sa.Column("on_dependency_failure", sa.Text(), server_default="fail", nullable=False),
    )
    op.add_column(
        "tasks", sa.Column("awaited", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    ended = "(status = 'failed' OR status = 'revoked' OR status = 'succeeded')"
    op.create_index(
        "ix_tasks_due",
        "tasks",
        ["completed_at"],
        postgresql_where=sa.text(f"awaited AND {ended}"),
        sqlite_where=sa.text(f"awaited = 1 AND {ended}"),
    )
    _replace_parent_index(["parent_id", "id"])


def _replace_parent_index(columns: list[str]) -> None:
    has_parent = sa.text("parent_id IS NOT NULL")
    op.drop_index("ix_tasks_parent", "tasks")
    op.create_index(
        "ix_tasks_parent",
        "tasks",
        columns,
        postgresql_where=has_parent,
        sqlite_where=has_parent,
    )


def downgrade() -> None:
    _replace_parent_index(["parent_id"])
    op.drop_index("ix_tasks_due", "tasks")
    with op.batch_alter_table("tasks") as batch_op:
        batch_op.drop_column("awaited")
        batch_op.drop_column("on_dependency_failure")
        batch_op.drop_column("depends_on")
    op.drop_table("task_dependencies")
