"""Tests of all pairs together, apart from the tables. The next worker makes the tables again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From tests pair by pair, stored in the tables as well."""
    op.drop_table("pair_tests")
    op.create_table(
        "result_counts",
        sa.Column("result_id", sa.Integer(), sa.ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "kept_tests",
        sa.Column("split", sa.String(16), primary_key=True),
        sa.Column("contract", sa.String(100), primary_key=True),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "system_tests",
        sa.Column("split", sa.String(16), primary_key=True),
        sa.Column("contract", sa.String(100), primary_key=True),
        sa.Column("submission_id", sa.String(20), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    _forget_tables()


def downgrade() -> None:
    """To tests pair by pair."""
    for table in ("system_tests", "kept_tests", "result_counts"):
        op.drop_table(table)
    op.create_table(
        "pair_tests",
        sa.Column("a_id", sa.Integer(), sa.ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("b_id", sa.Integer(), sa.ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("delta_f1", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
    )
    _forget_tables()


def _forget_tables() -> None:
    op.execute("DELETE FROM tables")
    op.execute("DELETE FROM settings WHERE key LIKE 'built:%'")
