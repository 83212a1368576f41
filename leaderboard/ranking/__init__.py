"""From stored results to a ranked table: entries, tests, badges, rows."""
