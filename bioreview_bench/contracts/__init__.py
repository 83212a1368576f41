"""Contracts: what decides a score, in one frozen value; its transforms; those bundled, one TOML file each."""
