"""Counts of the control reviewers, scored once for a split and contract, then reused.

The key holds the signature and every text that the controls wrote, so other articles, another contract or
another encoder never hit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.atomic import write_files
from bioreview_bench.errors import InputError, cannot_write
from bioreview_bench.paths import controls_root

_LAYOUT = 1
Counts = dict[str, list[list[float]]]  # control name to [predictions, matches, ceilings], by article


def key(signature: str, article_ids: Sequence[str], texts: Sequence[Sequence[str]]) -> str:
    """The name under which counts are stored."""
    canonical = json.dumps([_LAYOUT, signature, list(article_ids), [list(written) for written in texts]])
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def load(name: str) -> Counts | None:
    """Stored counts, or None. Raises InputError when the file is damaged."""
    path = _path(name)
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] != name:
            raise ValueError("it was written for another split or contract")
        return {
            control: [[float(value) for value in row] for row in rows] for control, rows in stored["counts"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be used: {error}.", remedy="bench cache clear") from error


def save(name: str, counts: Counts) -> None:
    """Store counts. Raises WriteError."""
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    write_files({path: json.dumps({"key": name, "counts": counts}).encode()})


def _path(name: str) -> Path:
    return controls_root() / f"{name}.json"
