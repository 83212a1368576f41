"""Fixing labels that a model mistyped, when a run asks for it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_CLOSE = 0.8  # difflib ratio: "statistical_method" is close to "statistical_methodology", "statistics" is not


def fixed_label(label: str, vocabulary: Sequence[str]) -> str:
    """The label of `vocabulary` that was meant (case, spaces, hyphens, small typos), or `label` if none is close."""
    written = re.sub(r"[\s/-]+", "_", label.strip().casefold())[:64]
    if written in vocabulary:
        return written
    near = difflib.get_close_matches(written, vocabulary, n=1, cutoff=_CLOSE)
    return near[0] if near else label
