"""The wording of submissions, to find near copies whose concerns were changed a little, across teams."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """`bench leaderboard upgrade` fills it for the submissions that are there."""
    op.add_column("sketches", sa.Column("wording", sa.LargeBinary()))


def downgrade() -> None:
    """To 0003."""
    op.drop_column("sketches", "wording")
