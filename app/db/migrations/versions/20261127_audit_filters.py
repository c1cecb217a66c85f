"""every filter of the audit log has an index

Revision: 20261127_audit_filters
Follows: 20261127_audit
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

from app.core.text import clean
from app.db.base import JsonText

revision = "20261127_audit_filters"
down_revision = "20261127_audit"
branch_labels = None
depends_on = None

_BATCH = 1000
_LONGEST = 200
# Columns, and on PostgreSQL and on SQLite which entries are in it; None: all.
_INDEXES: dict[str, tuple[list[str], str | None, str | None]] = {
    "ix_audit_entries_via": (["via", "id"], None, None),
    "ix_audit_entries_status": (["status", "id"], None, None),
    "ix_audit_entries_failed": (["id"], "status >= 400", "+status >= 400"),
    "ix_audit_entries_open": (["id"], "status IS NULL", "status IS NULL"),
    "ix_audit_entries_target_last": (
        ["target_last", "id"],
        "target_last IS NOT NULL",
        "target_last IS NOT NULL",
    ),
    "ix_audit_entries_target_first": (
        ["target_first", "id"],
        "target_first IS NOT NULL",
        "target_first IS NOT NULL",
    ),
}


def upgrade() -> None:
    # From here on nobody writes an entry until this is committed.
    op.add_column("audit_entries", sa.Column("target_last", sa.Text(), nullable=True))
    op.add_column("audit_entries", sa.Column("target_first", sa.Text(), nullable=True))
    # Rows first: an index is made faster than it is filled.
    _fill()
    for name, (columns, on_postgresql, on_sqlite) in _INDEXES.items():
        op.create_index(
            name,
            "audit_entries",
            columns,
            postgresql_where=None if on_postgresql is None else sa.text(on_postgresql),
            sqlite_where=None if on_sqlite is None else sa.text(on_sqlite),
        )


def _fill() -> None:
    """The values of the targets that are there. PostgreSQL itself could not read a NUL in one."""
    connection = op.get_bind()
    entries = sa.table(
        "audit_entries",
        sa.column("id", sa.Uuid()),
        sa.column("target", JsonText()),
        sa.column("target_last", sa.Text()),
        sa.column("target_first", sa.Text()),
    )
    page = (
        sa.select(entries.c.id, entries.c.target)
        .where(entries.c.id > sa.bindparam("after", type_=sa.Uuid()))
        .order_by(entries.c.id)
        .limit(_BATCH)
    )
    change = (
        sa.update(entries)
        .where(entries.c.id == sa.bindparam("entry", type_=sa.Uuid()))
        .values(
            target_last=sa.bindparam("last", type_=sa.Text()),
            target_first=sa.bindparam("first", type_=sa.Text()),
        )
    )
    after = uuid.UUID(int=0)
    while found := connection.execute(page, {"after": after}).all():
        after = found[-1].id
        if known := [_values(row.id, row.target) for row in found if row.target]:
            connection.execute(change, known)


def _values(entry_id: uuid.UUID, target: dict[str, str]) -> dict[str, uuid.UUID | str | None]:
    values = [clean(value, _LONGEST) for value in target.values()]
    first = values[0] if len(values) > 1 else None
    return {"entry": entry_id, "last": values[-1], "first": first}


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "audit_entries")
    op.drop_column("audit_entries", "target_first")
    op.drop_column("audit_entries", "target_last")
