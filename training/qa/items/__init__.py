"""Questions and answers made from tables, and their split."""
