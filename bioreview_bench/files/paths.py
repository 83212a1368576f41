"""Where the package keeps what it may lose (caches) and what it must keep (fetch records, pinned hashes)."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """`$BIOREVIEW_CACHE`, or `bioreview-bench` in the user's cache folder (XDG base directories)."""
    chosen = os.environ.get("BIOREVIEW_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bioreview-bench"


def data_root() -> Path:
    """Where `bench data download` puts released data."""
    return cache_root() / "data"


def vectors_root() -> Path:
    """Where embeddings are cached."""
    return cache_root() / "vectors"


def controls_root() -> Path:
    """Where the counts of control reviewers are stored."""
    return cache_root() / "controls"


def cards_root() -> Path:
    """Where `bench contract audit` puts the validity cards of judges, which have no file."""
    return cache_root() / "cards"


def fetch_records_root() -> Path:
    """Where `bench encoder fetch` records the checksums that the Hub reported."""
    return cache_root() / "encoders"


def pins_root() -> Path:
    """Where `bench data verify --pin` records the sha256 of data files."""
    return cache_root() / "pins"


def judgements_root() -> Path:
    """Where answers of language-model judges are stored."""
    return cache_root() / "judgements"
