"""Uncertainty and comparison: the bootstrap, approximate randomisation (label swap), ranking stability."""
