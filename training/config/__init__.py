"""Run configurations: reading, inheritance, what is validated."""
