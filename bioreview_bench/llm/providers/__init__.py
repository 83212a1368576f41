"""Reviewers behind an API: OpenAI-compatible servers and Google."""
