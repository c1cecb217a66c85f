"""the same failure, counted once

Revision: 20261125_error_groups
Follows: 20261125_unique_keys
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base
from app.db import triggers

revision = "20261125_error_groups"
down_revision = "20261125_unique_keys"
branch_labels = None
depends_on = None

_RETRIED = "retry_of IS NOT NULL"
# Attempts that were followed by another one, and the last ones of tasks that failed as they ran.
_ALL_FAILURES = """
    SELECT task_id, attempt FROM task_attempts WHERE failed
    UNION ALL
    SELECT id, attempt FROM tasks WHERE status = 'failed' AND attempt > 0 AND NOT EXISTS
        (SELECT 1 FROM task_attempts a WHERE a.task_id = tasks.id AND a.attempt = tasks.attempt)
"""


def upgrade() -> None:
    _create_tables()
    # From here on nobody changes a task until this is committed, so nothing is noted twice.
    triggers.install(op.get_bind())
    op.create_index(
        "ix_tasks_retry_of",
        "tasks",
        ["retry_of"],
        postgresql_where=sa.text(_RETRIED),
        sqlite_where=sa.text(_RETRIED),
    )
    op.add_column(
        "task_attempts", sa.Column("failed", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    _mark_what_had_not_failed()
    op.execute(f"INSERT INTO failure_notes (task_id, attempt) {_ALL_FAILURES}")


def _mark_what_had_not_failed() -> None:
    attempts = sa.table(
        "task_attempts",
        sa.column("outcome", sa.Text()),
        sa.column("error", sa.Text()),
        sa.column("failed", sa.Boolean()),
    )
    asked_for_later = attempts.c.error.like('{"type":"app.worker.%RetryLater"%')
    had_not = sa.or_(attempts.c.outcome == "interrupted", asked_for_later)
    op.execute(attempts.update().where(had_not).values(failed=False))


def _create_tables() -> None:
    op.create_table(
        "failure_notes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure_notes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_failure_notes_task_id", "failure_notes", ["task_id"])
    op.create_table(
        "task_failures",
        sa.Column("fingerprint", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "task_id", name=op.f("pk_task_failures")),
    )
    op.create_index("ix_task_failures_task_id", "task_failures", ["task_id"])
    op.create_index(
        "ix_task_failures_user_id", "task_failures", ["user_id", "fingerprint", "task_id"]
    )
    op.create_table(
        "error_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("frames", app.db.base.JsonText(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("last_task_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("tasks", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("last_seen_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("resolved_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("regressed_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_error_groups")),
        sa.UniqueConstraint("owner", "fingerprint", name=op.f("uq_error_groups_owner_fingerprint")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_error_groups_last_seen", "error_groups", ["owner", "last_seen_at", "id"])


def downgrade() -> None:
    triggers.remove(op.get_bind(), "failure_notes")
    for table in ("error_groups", "task_failures", "failure_notes"):
        op.drop_table(table)
    op.drop_index("ix_tasks_retry_of", "tasks")
    with op.batch_alter_table("task_attempts") as batch_op:
        batch_op.drop_column("failed")
