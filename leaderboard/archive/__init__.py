"""A board as a file: export, import, backup."""
