"""counts and statistics, written by triggers

Revision: 20261125_statistics
Follows: 20261125_burst
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base
from app.db import triggers

revision = "20261125_statistics"
down_revision = "20261125_burst"
branch_labels = None
depends_on = None

_EVERYBODY = "00000000000000000000000000000000"
_BY_STATUS = """
    SELECT {owner} AS owner,
           CASE WHEN status IN ('pending', 'running') THEN 'active' ELSE status END AS status,
           count(*) AS number
    FROM tasks {where} GROUP BY 1, 2
"""


def upgrade() -> None:
    _create_tables()
    # From here on nobody changes a task until this is committed, so nothing is counted twice.
    triggers.install(op.get_bind())
    for owner, where in ((_everybody(), ""), ("user_id", "WHERE user_id IS NOT NULL")):
        counted = _BY_STATUS.format(owner=owner, where=where)
        op.execute(f"INSERT INTO task_counts (owner, status, number) {counted}")


def _everybody() -> str:
    cast = "" if op.get_bind().dialect.name == "sqlite" else "::uuid"
    return f"'{_EVERYBODY}'{cast}"


def _create_tables() -> None:
    op.create_table(
        "task_deltas",
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("task_type", sa.Text(), nullable=True),
        sa.Column("celery_task_name", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("now", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("ready_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("started_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("completed_at", app.db.base.Timestamp(timezone=True), nullable=True),
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "5000",
            "autovacuum_vacuum_cost_delay": "0",
            "autovacuum_vacuum_insert_threshold": "-1",
            "vacuum_truncate": "false",
        },
    )
    op.create_table(
        "task_counts",
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "status", name=op.f("pk_task_counts")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "statistic_series",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statistic_series")),
        sa.UniqueConstraint(
            "owner",
            "task_type",
            "celery_task_name",
            "queue",
            name=op.f("uq_statistic_series_owner_task_type_celery_task_name_queue"),
        ),
    )
    op.create_table(
        "statistic_buckets",
        sa.Column(
            "series_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("begins_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.Column("waits", app.db.base.JsonText(), nullable=False),
        sa.Column("runs", app.db.base.JsonText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["statistic_series.id"],
            name=op.f("fk_statistic_buckets_series_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "series_id", "unit", "begins_at", name=op.f("pk_statistic_buckets")
        ),
        postgresql_with={"fillfactor": "60"},
    )


def downgrade() -> None:
    triggers.remove(op.get_bind(), "task_deltas")
    for table in ("statistic_buckets", "statistic_series", "task_counts", "task_deltas"):
        op.drop_table(table)
