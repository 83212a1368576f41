"""Commands that get a machine ready: encoders, settings, and what is cached."""
