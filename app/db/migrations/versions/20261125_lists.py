"""what lists are filtered by, in a table of its own; an index of what is to be deleted

Revision: 20261125_lists
Follows: 20261125_bulk_keys
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.db import triggers

revision = "20261125_lists"
down_revision = "20261125_bulk_keys"
branch_labels = None
depends_on = None

_LISTED = ("user_id", "task_type", "celery_task_name", "queue", "priority", "owner_ref")
_ENDED = "status <> 'pending' AND status <> 'running'"
_PARTIAL = {
    "ix_tasks_active": (["user_id", "id"], "status = 'pending' OR status = 'running'"),
    "ix_tasks_ended": (["status", "id"], _ENDED),
    "ix_tasks_ended_of_owner": (["user_id", "status", "id"], _ENDED),
    "ix_tasks_deleting": (["id"], "delete_requested_at IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "task_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("owner_ref", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_entries")),
    )
    # From here on nobody changes a task until this is committed. Rows first: an index is made
    # faster than it is filled.
    triggers.install(op.get_bind())
    columns = ", ".join(("id", *_LISTED))
    op.execute(
        f"INSERT INTO task_entries ({columns}) "  # noqa: S608 - our own names
        f"SELECT {columns} FROM tasks ORDER BY id"
    )
    for name in _LISTED:
        where = sa.text("owner_ref IS NOT NULL") if name == "owner_ref" else None
        op.create_index(
            f"ix_task_entries_{name}",
            "task_entries",
            [name, "id"],
            postgresql_where=where,
            sqlite_where=where,
        )
    op.drop_index("ix_tasks_owner", "tasks")
    for name, (columns_, condition) in _PARTIAL.items():
        partial = sa.text(condition)
        op.create_index(name, "tasks", columns_, postgresql_where=partial, sqlite_where=partial)


def downgrade() -> None:
    for name in _PARTIAL:
        op.drop_index(name, "tasks")
    op.create_index("ix_tasks_owner", "tasks", ["user_id", "id"])
    triggers.remove(op.get_bind(), "task_entries")
    op.drop_table("task_entries")
