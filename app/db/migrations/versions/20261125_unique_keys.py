"""unique keys of unfinished tasks

Revision: 20261125_unique_keys
Follows: 20261125_checkpoints
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_unique_keys"
down_revision = "20261125_checkpoints"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("unique_key", sa.Text(), nullable=True))
    holds_key = sa.text("unique_key IS NOT NULL AND (status = 'pending' OR status = 'running')")
    op.create_index(
        "ix_tasks_unique_key",
        "tasks",
        ["unique_key"],
        unique=True,
        postgresql_where=holds_key,
        sqlite_where=holds_key,
    )


def downgrade() -> None:
    op.drop_index("ix_tasks_unique_key", "tasks")
    # Not in a batch: SQLite would make the table anew, without its triggers.
    op.drop_column("tasks", "unique_key")
