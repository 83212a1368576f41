"""Reviewers on this machine's models: transformers and vLLM."""
