"""Bundled split manifests, one JSON file for each released data version."""
