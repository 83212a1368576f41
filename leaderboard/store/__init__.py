"""The database: users, submissions, leases, settings, migrations."""
