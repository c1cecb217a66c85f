"""which parts the names of tasks have

Revision: 20261126_names
Follows: 20261126_subtasks
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base
from app.db import triggers

revision = "20261126_names"
down_revision = "20261126_subtasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "name_segments",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("begun_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("ends", app.db.base.JsonText(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_segments")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "name_marks",
        sa.Column(
            "segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["name_segments.id"],
            name=op.f("fk_name_marks_segment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "number", name=op.f("pk_name_marks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "name_notes",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "5000",
            "autovacuum_vacuum_cost_delay": "0",
            "autovacuum_vacuum_insert_threshold": "-1",
            "vacuum_truncate": "false",
        },
    )
    # The names that are there are marked by and by, by an agent: they stand behind the last segment.
    triggers.install(op.get_bind())


def downgrade() -> None:
    triggers.remove(op.get_bind(), "name_notes")
    for table in ("name_notes", "name_marks", "name_segments"):
        op.drop_table(table)
