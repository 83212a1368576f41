"""Runs through a provider's batch interface: submit, wait, fetch, resume."""
