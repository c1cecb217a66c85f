"""which token has taken the place of another

Revision: 20261127_token_rotation
Follows: 20261127_traces
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_token_rotation"
down_revision = "20261127_traces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("replaced_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("tokens", "replaced_by")
