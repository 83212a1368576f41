"""Whose run is it? The manifest (`run.json`) beside a predictions file speaks for the file that it names, and no other.

A manifest holds `predictions: {"file", "sha256"}`. While a run is going on, the sha256 is null and the name decides.
Manifests written before the field existed speak for `predictions.jsonl` with as many rows as they count. What is
foreign, damaged or about another file is ignored, and one line says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.files.reading import file_sha256

MANIFEST, ROWS = "run.json", "predictions.jsonl"
_SCHEMA_VERSION = 1
_LARGEST = 16 * 1024 * 1024  # bytes of a manifest


@dataclass(frozen=True)
class RunFacts:
    """What the manifest of a predictions file says; empty where there is none. `ignored`: why one is not used."""

    said: Mapping[str, Any] = field(default_factory=dict)
    ignored: str | None = None

    def name(self, otherwise: str) -> str:
        """The name of the system."""
        return str(self.said.get("name", otherwise))

    @property
    def postprocessing(self) -> str:
        """What was done to the predictions."""
        return str(self.said.get("postprocessing", "none"))


def file_facts(predictions: Path) -> dict[str, str]:
    """What a manifest holds under `predictions`. Raises InputError when the file cannot be read."""
    return {"file": predictions.name, "sha256": file_sha256(predictions, InputError)}


def n_rows(folder: Path) -> int:
    """Rows of the predictions in a run's folder, 0 where there are none."""
    try:
        with (folder / ROWS).open("rb") as stream:
            return sum(1 for line in stream if line.strip())
    except OSError:
        return 0


def run_of(predictions: Path) -> RunFacts:
    """The manifest beside a predictions file, if it is about that file. Never raises for what it ignores."""
    path = predictions.with_name(MANIFEST)
    if not path.exists():
        return RunFacts()
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        said = parse_object(content.decode("utf-8-sig")) if len(content) <= _LARGEST else {}
    except (OSError, ValueError) as error:
        return RunFacts(ignored=f"{path} is ignored: it cannot be read ({printable(error)}).")
    reason = _foreign(said) or _about_another(said, predictions)
    return RunFacts(said) if reason is None else RunFacts(ignored=f"{path} is ignored: {reason}.")


def _foreign(said: Mapping[str, Any]) -> str | None:
    text = all(isinstance(said.get(key), str) for key in ("name", "postprocessing"))
    ours = said.get("schema_version") == _SCHEMA_VERSION and isinstance(said.get("reviewer"), dict)
    return None if text and ours else f"it is not a run manifest of version {_SCHEMA_VERSION}"


def _about_another(said: Mapping[str, Any], predictions: Path) -> str | None:
    named = said.get("predictions")
    if named is None:
        return _not_of_before(said, predictions)
    file, sha256 = (named.get("file"), named.get("sha256")) if isinstance(named, dict) else (None, None)
    if file != predictions.name:
        return f"it describes {printable(file)}, not {printable(predictions.name)}"
    if sha256 is not None and sha256 != file_sha256(predictions, InputError):
        return f"{printable(predictions.name)} has been changed since it was written (its sha256 differs)"
    return None


def _not_of_before(said: Mapping[str, Any], predictions: Path) -> str | None:
    """Why a manifest without the field, of an earlier version, is not about the file."""
    if predictions.name != ROWS:
        return f"it does not say which file it describes, and {printable(predictions.name)} is not {ROWS}"
    totals = said.get("totals")
    counted = totals.get("articles") if isinstance(totals, dict) else None
    has = n_rows(predictions.parent)
    if isinstance(counted, int) and counted != has and said.get("state") != "running":
        return f"it counts {counted:,} rows, and {printable(predictions.name)} has {has:,}"
    return None
