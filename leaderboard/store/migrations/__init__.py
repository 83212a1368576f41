"""Alembic migrations of a board's database. A new one is a new file in versions/, and its number `database.HEAD`."""
