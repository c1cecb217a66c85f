"""the burst lane

Revision: 20261125_burst
Follows: 20261125_dependencies
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_burst"
down_revision = "20261125_dependencies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tasks", sa.Column("burst", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("tasks") as batch_op:
        batch_op.drop_column("burst")
