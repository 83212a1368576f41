"""Dividing articles into train, val and test so that no family of manuscripts crosses."""
