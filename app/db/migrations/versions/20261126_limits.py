"""limits, and lanes for what they hold back

Revision: 20261126_limits
Follows: 20261126_schedules
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261126_limits"
down_revision = "20261126_schedules"
branch_labels = None
depends_on = None

_WAITING = sa.text("status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("rate_count", sa.Integer(), nullable=True),
        sa.Column("rate_seconds", sa.Float(), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.Column("updated_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('queue', 'task', 'key')", name=op.f("ck_limits_kind_known")),
        sa.CheckConstraint("concurrency >= 0", name=op.f("ck_limits_concurrency_range")),
        sa.CheckConstraint(
            "rate_count > 0 AND rate_seconds > 0", name=op.f("ck_limits_rate_range")
        ),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_limits")),
    )
    op.create_table(
        "limit_uses",
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("slots", app.db.base.JsonText(), nullable=False),
        sa.Column("over_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_limit_uses")),
    )
    op.create_index("ix_limit_uses_over_at", "limit_uses", ["over_at"])
    for name, default in (("regulated", sa.true()), ("blocked", sa.false())):
        op.add_column(
            "queues", sa.Column(name, sa.Boolean(), server_default=default, nullable=False)
        )
    op.add_column("tasks", sa.Column("limit_key", sa.Text(), nullable=True))
    op.add_column("tasks", sa.Column("lane", sa.Text(), server_default="", nullable=False))
    _index_waiting("queue", "lane", "rank", "id")


def downgrade() -> None:
    _index_waiting("queue", "rank", "id")
    # Not in a batch: SQLite would make the table anew, without its triggers.
    op.drop_column("tasks", "lane")
    op.drop_column("tasks", "limit_key")
    op.drop_column("queues", "blocked")
    op.drop_column("queues", "regulated")
    op.drop_table("limit_uses")
    op.drop_table("limits")


def _index_waiting(*columns: str) -> None:
    op.drop_index("ix_tasks_waiting", "tasks")
    op.create_index(
        "ix_tasks_waiting",
        "tasks",
        list(columns),
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )
