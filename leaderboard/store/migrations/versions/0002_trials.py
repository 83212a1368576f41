"""Trial submissions, disqualification, and organisations that were confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No submission so far was a trial. Sketches were made otherwise; `bench leaderboard upgrade` makes them again."""
    op.add_column("submissions", sa.Column("trial", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("submissions", sa.Column("disqualified", sa.String()))
    op.add_column("users", sa.Column("organisations", sa.JSON()))
    op.execute("DELETE FROM sketches")


def downgrade() -> None:
    """To 0001."""
    for table, column in (("users", "organisations"), ("submissions", "disqualified"), ("submissions", "trial")):
        op.drop_column(table, column)
