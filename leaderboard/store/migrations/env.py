"""Runs migrations on the connection that `database.Database` hands over, inside its one transaction."""

from __future__ import annotations

from alembic import context

from bioreview_bench.leaderboard.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite's DDL is transactional once BEGIN is written by hand, as `database` does.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
