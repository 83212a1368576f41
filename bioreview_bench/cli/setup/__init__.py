"""Commands that get a machine ready: data, encoders, settings, and what is cached."""
