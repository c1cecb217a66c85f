"""a task's place in a trace

Revision: 20261127_traces
Follows: 20261127_metrics
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_traces"
down_revision = "20261127_metrics"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("trace_context", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "trace_context")
