"""Scoring in half precision with the counts of full precision."""
