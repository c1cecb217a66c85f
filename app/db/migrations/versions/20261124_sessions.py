"""sessions and sign-in links

Revision: 20261124_sessions
Follows: 20261124_first
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261124_sessions"
down_revision = "20261124_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("kind", sa.Text(), server_default="api", nullable=False))


def downgrade() -> None:
    # Without the column they would count as API tokens.
    op.execute(sa.text("DELETE FROM tokens WHERE kind <> 'api'"))
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_column("kind")
