"""A run's folder: rows, manifest, lock, resuming."""
