"""first tables

Revision: 20261124_first
Follows:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base

revision = "20261124_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("lease_until", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duties")),
    )
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("slots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("window", sa.Integer(), server_default="16", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_queues")),
    )
    op.create_table(
        "schedule_fires",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("fire_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("fired_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "fire_at", name=op.f("pk_schedule_fires")),
    )
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("definition", app.db.base.JsonText(), nullable=False),
        sa.Column("next_fire", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("last_fire", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("paused_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedules")),
    )
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.create_index("ix_schedules_next_fire", ["next_fire"], unique=False)

    op.create_table(
        "task_runtimes",
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("mean_seconds", sa.Float(), nullable=False),
        sa.Column("peak_seconds", sa.Float(), nullable=False),
        sa.Column("updated_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("celery_task_name", name=op.f("pk_task_runtimes")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("args", app.db.base.JsonText(), nullable=False),
        sa.Column("kwargs", app.db.base.JsonText(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("progress_message", sa.Text(), nullable=True),
        sa.Column("result", app.db.base.JsonText(), nullable=True),
        sa.Column("error", app.db.base.JsonText(), nullable=True),
        sa.Column("celery_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("crash_count", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("requeue_on_interrupt", sa.Boolean(), nullable=False),
        sa.Column("time_limit", sa.Float(), nullable=True),
        sa.Column("soft_time_limit", sa.Float(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("owner_ref", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("tags", app.db.base.JsonText(), nullable=False),
        sa.Column("unmet_deps", sa.Integer(), nullable=False),
        sa.Column("scheduled_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("expires_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("ready_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("dispatched_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("dispatched_priority", sa.SmallInteger(), nullable=True),
        sa.Column("started_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("completed_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("updated_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("lease_until", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("cancel_acknowledged_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.Column("delete_requested_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'failed', 'revoked')",
            name=op.f("ck_tasks_status_known"),
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_tasks_priority_range")),
        sa.CheckConstraint(
            "progress >= 0 AND progress <= 100", name=op.f("ck_tasks_progress_range")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tasks_expiring",
            ["expires_at"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND expires_at IS NOT NULL"),
            sqlite_where=sa.text("status = 'pending' AND expires_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_marked",
            ["queue", "dispatched_priority"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND dispatched_at IS NOT NULL"),
            sqlite_where=sa.text("status = 'pending' AND dispatched_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_not_ready",
            ["ready_at"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND rank IS NULL AND unmet_deps = 0"),
            sqlite_where=sa.text("status = 'pending' AND rank IS NULL AND unmet_deps = 0"),
        )
        batch_op.create_index("ix_tasks_owner", ["user_id", "id"], unique=False)
        batch_op.create_index(
            "ix_tasks_parent",
            ["parent_id"],
            unique=False,
            postgresql_where=sa.text("parent_id IS NOT NULL"),
            sqlite_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_running",
            ["worker"],
            unique=False,
            postgresql_where=sa.text("status = 'running'"),
            sqlite_where=sa.text("status = 'running'"),
        )
        batch_op.create_index(
            "ix_tasks_waiting",
            ["queue", "rank", "id"],
            unique=False,
            postgresql_where=sa.text(
                "status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL"
            ),
            sqlite_where=sa.text(
                "status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL"
            ),
        )

    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("disabled_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('user', 'operator', 'admin')", name=op.f("ck_users_role_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("queues", app.db.base.JsonText(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("running", app.db.base.JsonText(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("catalogue_hash", sa.Text(), nullable=False),
        sa.Column("catalogue", app.db.base.JsonText(), nullable=False),
        sa.Column("cpu_percent", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("started_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("heartbeat_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("stopping", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_idempotency_keys_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_keys_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_idempotency_keys_task_id", ["task_id"], unique=False)

    op.create_table(
        "task_attempts",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("celery_id", sa.Uuid(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("started_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("ended_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", app.db.base.JsonText(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_task_attempts_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "attempt", name=op.f("pk_task_attempts")),
    )
    op.create_table(
        "task_logs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_task_logs_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_logs")),
    )
    with op.batch_alter_table("task_logs", schema=None) as batch_op:
        batch_op.create_index("ix_task_logs_task_id", ["task_id", "id"], unique=False)

    op.create_table(
        "task_tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_task_tags_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tag", "task_id", name=op.f("pk_task_tags")),
    )
    with op.batch_alter_table("task_tags", schema=None) as batch_op:
        batch_op.create_index("ix_task_tags_task_id", ["task_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", app.db.base.JsonText(), nullable=False),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("last_used_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("revoked_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_tokens_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index("ix_tokens_user_id", ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_tokens_user_id")

    op.drop_table("tokens")
    with op.batch_alter_table("task_tags", schema=None) as batch_op:
        batch_op.drop_index("ix_task_tags_task_id")

    op.drop_table("task_tags")
    with op.batch_alter_table("task_logs", schema=None) as batch_op:
        batch_op.drop_index("ix_task_logs_task_id")

    op.drop_table("task_logs")
    op.drop_table("task_attempts")
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_idempotency_keys_task_id")
        batch_op.drop_index("ix_idempotency_keys_created_at")

    op.drop_table("idempotency_keys")
    op.drop_table("workers")
    op.drop_table("users")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_tasks_waiting",
            postgresql_where=sa.text(
                "status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL"
            ),
            sqlite_where=sa.text(
                "status = 'pending' AND dispatched_at IS NULL AND rank IS NOT NULL"
            ),
        )
        batch_op.drop_index(
            "ix_tasks_running",
            postgresql_where=sa.text("status = 'running'"),
            sqlite_where=sa.text("status = 'running'"),
        )
        batch_op.drop_index(
            "ix_tasks_parent",
            postgresql_where=sa.text("parent_id IS NOT NULL"),
            sqlite_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_tasks_owner")
        batch_op.drop_index(
            "ix_tasks_not_ready",
            postgresql_where=sa.text("status = 'pending' AND rank IS NULL AND unmet_deps = 0"),
            sqlite_where=sa.text("status = 'pending' AND rank IS NULL AND unmet_deps = 0"),
        )
        batch_op.drop_index(
            "ix_tasks_marked",
            postgresql_where=sa.text("status = 'pending' AND dispatched_at IS NOT NULL"),
            sqlite_where=sa.text("status = 'pending' AND dispatched_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_tasks_expiring",
            postgresql_where=sa.text("status = 'pending' AND expires_at IS NOT NULL"),
            sqlite_where=sa.text("status = 'pending' AND expires_at IS NOT NULL"),
        )

    op.drop_table("tasks")
    op.drop_table("task_runtimes")
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.drop_index("ix_schedules_next_fire")

    op.drop_table("schedules")
    op.drop_table("schedule_fires")
    op.drop_table("queues")
    op.drop_table("duties")
