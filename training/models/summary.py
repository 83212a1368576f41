"""`training_summary.json`: what an adapter was trained from, with what, and what came of it. It stands beside it.

What is generated or published from an adapter reads it: base model, prompt, thinking, budget and corpus are facts of
the adapter and are not to be asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.reading import read_json
from bioreview_bench.results.provenance import libraries, package_version

SCHEMA_VERSION = "1"
SUMMARY = "training_summary.json"
_LIBRARIES = ("accelerate", "bitsandbytes", "datasets", "peft", "tokenizers", "torch", "transformers", "trl")
_STATED = ("base_model", "base_digest", "prompt", "thinking", "system", "budget", "corpus", "config", "n_steps")


def versions() -> dict[str, str]:
    """Versions of this package and of the libraries that training stands on."""
    return {"bioreview-bench": package_version(), **libraries(_LIBRARIES)}


def write_summary(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the summary into the folder of an adapter. Raises WriteError."""
    write_json(folder / SUMMARY, {"schema_version": SCHEMA_VERSION, **facts})


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary beside an adapter. Raises DataError."""
    path, remedy = folder / SUMMARY, "name an adapter that bench train sft made"
    found = read_json(path, DataError, remedy)
    missing = [name for name in _STATED if name not in found]
    if found.get("schema_version") != SCHEMA_VERSION or missing:
        raise DataError(
            f"{path} is not a training summary of version {SCHEMA_VERSION}"
            + (f": {', '.join(missing)} missing." if missing else "."),
            remedy=remedy,
        )
    return found
