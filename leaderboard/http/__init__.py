"""The JSON interface: sign-in, limits, uploads, health."""
