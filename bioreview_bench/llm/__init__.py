"""Calling reviewers: their interface, prompts, text fitting, output parsing, and the engine that runs them."""
