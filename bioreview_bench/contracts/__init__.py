"""Bundled contracts, one TOML file each."""
