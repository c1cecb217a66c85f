"""what a task shows of its subtasks

Revision: 20261126_subtasks
Follows: 20261126_limits
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db import triggers

revision = "20261126_subtasks"
down_revision = "20261126_limits"
branch_labels = None
depends_on = None

_THERE_ALREADY = """
    INSERT INTO subtask_deltas (parent_id, was, now, number, done)
    SELECT parent_id, NULL, status, count(*),
           sum(CASE WHEN status IN ('pending', 'running')
                    THEN CAST(round(progress * 100) AS INTEGER) ELSE 10000 END)
    FROM tasks WHERE parent_id IS NOT NULL GROUP BY parent_id, status
"""


def upgrade() -> None:
    op.add_column("tasks", sa.Column("subtasks", sa.Text(), nullable=True))
    op.create_table(
        "subtask_deltas",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("now", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subtask_deltas")),
        sqlite_autoincrement=True,
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "5000",
            "autovacuum_vacuum_cost_delay": "0",
            "autovacuum_vacuum_insert_threshold": "-1",
            "vacuum_truncate": "false",
        },
    )
    # From here on nobody changes a task until this is committed, so nothing is counted twice.
    triggers.install(op.get_bind())
    op.execute(_THERE_ALREADY)


def downgrade() -> None:
    triggers.remove(op.get_bind(), "subtask_deltas")
    op.drop_table("subtask_deltas")
    # Not in a batch: SQLite would make the table anew, without its triggers.
    op.drop_column("tasks", "subtasks")
