"""Folders of questions or of preference pairs, as training reads them: rows, and a manifest with their sha256.

`bench train qa-data` and `bench train pairs` write them. What a question asks for is the study's own matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, Problem, printable
from bioreview_bench.files.jsonl import parse_object, read_rows

from .files import corpus_fingerprint

MANIFEST = "manifest.json"
PAIRS = "pairs.jsonl"
_REMEDY = "bench train qa-data -o NEW_FOLDER"
_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Rows:
    """Rows of one file, and the fingerprint of its folder: equal exactly when all its files are."""

    folder: Path
    manifest: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @property
    def fingerprint(self) -> str:
        """12 hex digits."""
        return corpus_fingerprint(self.manifest["files"])


def asked_by(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """How a model is asked by these rows, as a training summary says it. Questions hold no paper: their budget is 0."""
    stated = manifest.get("asked")
    if isinstance(stated, dict):
        return stated
    return {
        "prompt": {"id": "qa", "sha256": manifest.get("template_sha256")},
        "thinking": False,
        "system": "own",
        "budget": 0,
        "counter": {"name": "none", "tokenizer_sha256": None},
    }


def read_pairs(folder: Path, fingerprint: str | None) -> Rows:
    """The preference pairs of `pairs.jsonl`. Raises DataError."""
    return read_stated(folder, PAIRS, _wrong_pair, fingerprint)


def read_stated(
    folder: Path, name: str, wrong: Callable[[Mapping[str, Any]], str | None], fingerprint: str | None
) -> Rows:
    """Rows of one file. `wrong` says what makes a row unusable, None when nothing does. Raises DataError."""
    manifest = _manifest(folder)
    if name not in manifest["files"]:
        remedy = "add --pairs FILE to bench train qa-data, or see bench train pairs" if name == PAIRS else _REMEDY
        raise DataError(f"{folder} has no {name}.", remedy=remedy)
    digest = hashlib.sha256()
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, row in read_rows(folder / name, DataError, digest.update):
        reason = row.message if isinstance(row, Problem) else wrong(row) or _repeated(row, seen)
        if reason is not None:
            problems.append(Problem(reason, number))
        elif not isinstance(row, Problem):
            rows.append(row)
    stated = manifest["files"][name]["sha256"]
    if digest.hexdigest() != stated:
        raise DataError(
            f"{folder / name} has the sha256 {digest.hexdigest()[:12]}..., {MANIFEST} states {stated[:12]}...: the "
            "file was changed after it was made.",
            remedy="restore the file, or make the folder again",
        )
    if problems or not rows:
        listed = "".join(f"\n  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise DataError(f"{folder / name}: {len(problems)} rows are not to be trained on.{listed}", remedy=_REMEDY)
    read = Rows(folder, manifest, rows)
    if fingerprint is not None and fingerprint != read.fingerprint:
        raise DataError(
            f"Wrong fingerprint: {folder} is {read.fingerprint}, and the config wants {fingerprint}.",
            remedy=f"train on the folder you mean, or --set data.fingerprint={read.fingerprint}",
        )
    return read


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        found = parse_object(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{folder} holds no data to train on: cannot read {path}: {reason}.", remedy=_REMEDY) from error
    files = found.get("files")
    known = isinstance(files, dict) and all(
        isinstance(facts, dict) and isinstance(facts.get("sha256"), str) for facts in files.values()
    )
    if not known:
        raise DataError(f"{path} states no sha256 of the files.", remedy=_REMEDY)
    return found


def _repeated(row: Mapping[str, Any], seen: set[str]) -> str | None:
    if row["id"] in seen:
        return f"the id {printable(row['id'])} stands twice"
    seen.add(row["id"])
    return None


def _wrong_pair(row: Mapping[str, Any]) -> str | None:
    if not has_strings(row, "id") or not ends_with(row.get("prompt"), "user"):
        return "id or prompt is missing"
    answers = [row.get(key) for key in ("chosen", "rejected")]
    if not all(ends_with(answer, "assistant") and len(answer) == 1 for answer in answers if isinstance(answer, list)):
        return "chosen or rejected is no single turn of the assistant"
    if not all(isinstance(answer, list) for answer in answers) or answers[0] == answers[1]:
        return "chosen or rejected is missing, or they are the same"
    return None


def has_strings(row: Mapping[str, Any], *keys: str) -> bool:
    """Whether `row` holds text under each of the keys."""
    return all(isinstance(row.get(key), str) and row[key] for key in keys)


def ends_with(value: Any, last: str) -> bool:
    """Whether `value` is a list of turns that ends with the role `last`."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and has_strings(one, "role", "content") for one in value)
        and value[-1]["role"] == last
    )
