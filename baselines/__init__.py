"""Reviewers that anyone can run: API models, local models, BM25."""
