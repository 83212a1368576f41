"""Bundled prompts, one TOML file each. A published file is never edited: a change is a new version."""
