"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "settings",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON(), nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("team", sa.String(100), nullable=False, index=True),
        sa.Column("token_sha256", sa.String(64), unique=True),
        sa.Column("is_maintainer", sa.Boolean(), nullable=False),
        sa.Column("ranks_all", sa.Boolean(), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("revoked_at", _moment()),
    )
    op.create_table(
        "predictions",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("n_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    _submissions()
    op.create_table(
        "sketches",
        sa.Column(
            "submission_id", sa.String(20), sa.ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("submission_id", sa.String(20), sa.ForeignKey("submissions.id"), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("at", _moment(), nullable=False),
    )
    _results()
    op.create_table(
        "tables",
        sa.Column("split", sa.String(16), primary_key=True),
        sa.Column("contract", sa.String(100), primary_key=True),
        sa.Column("content", sa.JSON(), nullable=False),
    )


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("team", sa.String(100), nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("predictions_sha256", sa.String(64), sa.ForeignKey("predictions.sha256"), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("run", sa.JSON()),
        sa.Column("marked", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("problems", sa.JSON()),
        sa.Column("facts", sa.JSON()),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("changed_at", _moment(), nullable=False),
        sa.Column("leased_by", sa.String(100)),
        sa.Column("leased_until", _moment()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.UniqueConstraint("user_id", "split", "digest", name="uq_submission_once"),
    )
    op.create_index("ix_submissions_state_lease", "submissions", ["state", "leased_until"])
    op.create_index("ix_submissions_split_team", "submissions", ["split", "team"])


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("submission_id", sa.String(20), sa.ForeignKey("submissions.id"), nullable=False, index=True),
        sa.Column("contract", sa.String(100), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("f1", sa.Double()),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("extras", sa.JSON(), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.UniqueConstraint("submission_id", "signature", name="uq_result_once"),
    )
    op.create_table(
        "pair_tests",
        sa.Column("a_id", sa.Integer(), sa.ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("b_id", sa.Integer(), sa.ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("delta_f1", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
    )


def downgrade() -> None:
    """To nothing."""
    for table in ("tables", "pair_tests", "results", "events", "sketches", "submissions"):
        op.drop_table(table)
    for table in ("predictions", "users", "settings"):
        op.drop_table(table)
