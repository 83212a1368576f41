"""Thin recipes on TRL: corpora, supervised fine-tuning, preference and reward training."""
