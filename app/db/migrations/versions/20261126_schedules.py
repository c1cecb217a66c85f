"""schedules made at run time

Revision: 20261126_schedules
Follows: 20261126_webhooks
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

import app.db.base
from app.db.clock import now
from app.db.ids import new_id

revision = "20261126_schedules"
down_revision = "20261126_webhooks"
branch_labels = None
depends_on = None

_EVERYBODY = uuid.UUID(int=0)
_KEPT = ("name", "source", "definition", "next_fire", "last_fire", "paused_at")


def upgrade() -> None:
    # A key cannot be replaced in place on SQLite, and names of constraints are taken until a table
    # is gone: what is there is put aside meanwhile.
    _put_aside()
    _create_schedules()
    _create_fires()
    schedules = sa.table(
        "schedules",
        sa.column("id", sa.Uuid()),
        sa.column("owner", sa.Uuid()),
        sa.column("created_at", app.db.base.Timestamp()),
        sa.column("updated_at", app.db.base.Timestamp()),
        *(
            sa.column(name)
            for name in (
                *_KEPT,
                "celery_task_name",
                "task",
                "overlap",
                "misfire",
                "version",
            )
        ),
    )
    before = _table("schedules_before")
    for name in op.get_bind().scalars(sa.select(before.c.name)).all():
        given = {
            **{column: before.c[column] for column in _KEPT},
            "id": sa.literal(new_id(), sa.Uuid()),
            "owner": sa.literal(_EVERYBODY, sa.Uuid()),
            # A beat writes at its start what the code says.
            "celery_task_name": sa.literal(""),
            "task": sa.literal("{}"),
            "overlap": sa.literal("allow"),
            "misfire": sa.literal("run_once"),
            "created_at": now(),
            "updated_at": now(),
            "version": sa.literal(1),
        }
        chosen = sa.select(*given.values()).where(before.c.name == name)
        op.execute(sa.insert(schedules).from_select(list(given), chosen))
    op.execute(
        "INSERT INTO schedule_fires (schedule_id, fire_at, trigger, task_id, fired_at) "
        "SELECT s.id, f.fire_at, 'slot', f.task_id, f.fired_at "
        "FROM schedule_fires_before f JOIN schedules s ON s.name = f.schedule"
    )
    _forget_what_was_put_aside()


def downgrade() -> None:
    _put_aside()
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
    op.create_index("ix_schedules_next_fire", "schedules", ["next_fire"])
    op.create_table(
        "schedule_fires",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("fire_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("fired_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "fire_at", name=op.f("pk_schedule_fires")),
    )
    # What was made at run time has no place there.
    before, after = _table("schedules_before"), _table("schedules")
    static = sa.select(*before.c).where(before.c.source == "static")
    op.execute(sa.insert(after).from_select(_KEPT, static))
    op.execute(
        "INSERT INTO schedule_fires (schedule, fire_at, task_id, fired_at) "
        "SELECT s.name, f.fire_at, f.task_id, f.fired_at FROM schedule_fires_before f "
        "JOIN schedules_before s ON s.id = f.schedule_id "
        "WHERE s.source = 'static' AND f.trigger = 'slot' AND f.task_id IS NOT NULL"
    )
    _forget_what_was_put_aside()


def _table(name: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in _KEPT))


def _put_aside() -> None:
    op.execute("CREATE TABLE schedule_fires_before AS SELECT * FROM schedule_fires")
    op.execute("CREATE TABLE schedules_before AS SELECT * FROM schedules")
    op.drop_table("schedule_fires")
    op.drop_table("schedules")


def _forget_what_was_put_aside() -> None:
    op.drop_table("schedule_fires_before")
    op.drop_table("schedules_before")


def _create_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("definition", app.db.base.JsonText(), nullable=False),
        sa.Column("celery_task_name", sa.Text(), nullable=False),
        sa.Column("task", app.db.base.JsonText(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("misfire", sa.Text(), nullable=False),
        sa.Column("next_fire", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("last_fire", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("last_task_id", sa.Uuid(), nullable=True),
        sa.Column("paused_at", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("created_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("updated_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("source IN ('static', 'api')", name=op.f("ck_schedules_source_known")),
        sa.CheckConstraint("overlap IN ('allow', 'skip')", name=op.f("ck_schedules_overlap_known")),
        sa.CheckConstraint(
            "misfire IN ('skip', 'run_once')", name=op.f("ck_schedules_misfire_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_schedules_owner_name")),
    )
    op.create_index("ix_schedules_owner", "schedules", ["owner", "id"])
    fires = sa.text("paused_at IS NULL AND next_fire IS NOT NULL")
    op.create_index(
        "ix_schedules_next_fire",
        "schedules",
        ["next_fire"],
        postgresql_where=fires,
        sqlite_where=fires,
    )


def _create_fires() -> None:
    op.create_table(
        "schedule_fires",
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("fire_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("until", app.db.base.Timestamp(timezone=True), nullable=True),
        sa.Column("fired_at", app.db.base.Timestamp(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "schedule_id", "fire_at", "trigger", name=op.f("pk_schedule_fires")
        ),
    )
    op.create_index("ix_schedule_fires_fired_at", "schedule_fires", ["fired_at"])
