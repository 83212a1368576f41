"""Scoring what was submitted."""
