"""parts of one byte or two have numbers of their own

Names are marked anew, in the background; until then a search compares them.

Revision: 20261126_short_parts
Follows: 20261126_names
"""

from __future__ import annotations

from alembic import op

revision = "20261126_short_parts"
down_revision = "20261126_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _forget_marks()


def downgrade() -> None:
    _forget_marks()


def _forget_marks() -> None:
    op.execute("DELETE FROM name_marks")
    op.execute("DELETE FROM name_segments")
