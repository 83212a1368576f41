"""Corpora on disk: the folder that `bench train corpus` or `bench train qa-data` writes and that training reads.

`train.jsonl` and `val.jsonl` hold the rows, `corpus.json` says how they came about and carries their sha256. Which
articles enter, and how, is decided elsewhere (`recipes`, `corpus`).

A sample of articles that a seed decides and nothing else: not their order, not how many others there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, cannot_write, printable
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object, read_rows

SCHEMA_VERSION = "1"
MANIFEST = "corpus.json"
SPLITS = ("train", "val")
_FORMATS = ("messages", "sharegpt")
_MOST_PROBLEMS = 20
_REMEDY = "bench train corpus --recipe A --model MODEL -o NEW_FOLDER"


@dataclass(frozen=True)
class Corpus:
    """A corpus whose files have the sha256 that its manifest states.

    A row is `{"article_id", "messages": [{"role", "content"}, ...], "n_prompt_tokens", "n_target_tokens", "cut"}`;
    the last message is the assistant's, the target. `article_id` is the row's id: that of its article, or of the item
    that a question comes from; such rows have further keys, which training does not read. Rows of a ShareGPT corpus
    have `conversations` in the place of `messages`.
    """

    folder: Path
    manifest: Mapping[str, Any]
    train: Sequence[Mapping[str, Any]]
    val: Sequence[Mapping[str, Any]]

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the sha256 over the sha256 of both files: equal exactly when the rows are."""
        return corpus_fingerprint(self.manifest["files"])


def read_corpus(folder: Path) -> Corpus:
    """Read and check a corpus. Raises DataError: no corpus there, wrong fingerprint, or rows of the wrong shape."""
    manifest = read_manifest(folder)
    rows: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        rows[split] = _rows(folder, f"{split}.jsonl", manifest)
    return Corpus(folder, manifest, rows["train"], rows["val"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the corpus in `folder`, its files not looked at. Raises DataError."""
    path = folder / MANIFEST
    try:
        manifest = parse_object(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{folder} is no corpus: cannot read {path}: {reason}.", remedy=_REMEDY) from error
    wrong = _wrong_in(manifest)
    if wrong is not None:
        raise DataError(f"{path}: {wrong}.", remedy=_REMEDY)
    return manifest


def corpus_fingerprint(files: Mapping[str, Mapping[str, Any]]) -> str:
    """First 12 hex digits of the sha256 of `NAME SHA256` lines, sorted by name."""
    lines = "".join(f"{name} {files[name]['sha256']}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode("ascii")).hexdigest()[:12]


def write_corpus(
    folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], facts: Mapping[str, Any], form: str = "messages"
) -> dict[str, Any]:
    """Write rows by split (`train`, `val`) and the manifest, all or nothing, and return the manifest.

    `facts` is everything in the manifest that does not follow from the rows. Raises WriteError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    contents, manifest = corpus_contents(rows, facts, form)
    write_files({folder / name: content for name, content in contents.items()})
    return manifest


def corpus_contents(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], facts: Mapping[str, Any], form: str = "messages"
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(contents by file name, the manifest's last; the manifest) of a corpus. Arguments as for `write_corpus`."""
    contents = {f"{split}.jsonl": _jsonl(rows[split]) for split in SPLITS}
    files = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "n_rows": len(rows[Path(name).stem])}
        for name, content in contents.items()
    }
    manifest = {"schema_version": SCHEMA_VERSION, **facts, "format": form, "files": files}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    return {**contents, MANIFEST: text.encode()}, manifest


def _jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")


def _wrong_in(manifest: Mapping[str, Any]) -> str | None:
    """What makes `manifest` no manifest of a corpus, in words; None when nothing does."""
    if manifest.get("schema_version") != SCHEMA_VERSION:
        return f"the schema version is {printable(manifest.get('schema_version'))}, not {SCHEMA_VERSION}"
    if manifest.get("format") not in _FORMATS:
        return f"the format {printable(manifest.get('format'))} is none of {', '.join(_FORMATS)}"
    files = manifest.get("files")
    for split in SPLITS:
        entry = files.get(f"{split}.jsonl") if isinstance(files, dict) else None
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            return f"it states no sha256 of {split}.jsonl"
    return None


def _rows(folder: Path, name: str, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    path, digest = folder / name, hashlib.sha256()
    key = "messages" if manifest["format"] == "messages" else "conversations"
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, row in read_rows(path, DataError, digest.update):
        reason = row.message if isinstance(row, Problem) else _wrong_row(row, key)
        if reason is not None:
            problems.append(Problem(reason, number))
        else:
            rows.append(row)  # type: ignore[arg-type]
    stated = manifest["files"][name]
    if digest.hexdigest() != stated["sha256"]:
        raise DataError(
            f"Wrong corpus fingerprint: {path} has the sha256 {digest.hexdigest()[:12]}..., {MANIFEST} states "
            f"{printable(stated['sha256'][:12])}...: the file was changed after the corpus was made.",
            remedy="restore the file, or make the corpus again into a new folder",
        )
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise DataError(f"{path}: {len(problems)} rows are no rows of a corpus.\n{listed}", remedy=_REMEDY)
    return rows


def _wrong_row(row: Mapping[str, Any], key: str) -> str | None:
    if not isinstance(row.get("article_id"), str):
        return "article_id is missing"
    turns = row.get(key)
    if not isinstance(turns, list) or len(turns) < 2 or not all(isinstance(turn, dict) for turn in turns):
        return f"{key} is no list of two or more turns"
    who, what = ("role", "content") if key == "messages" else ("from", "value")
    if not all(isinstance(turn.get(who), str) and isinstance(turn.get(what), str) for turn in turns):
        return f"a turn in {key} lacks {who} or {what}"
    last = "assistant" if key == "messages" else "gpt"
    if turns[-1][who] != last:
        return f"the last turn is the {printable(turns[-1][who])}'s, not the {last}'s"
    return None


def require_messages(corpus: Corpus) -> None:
    """Raise InputError for a corpus in ShareGPT's form, which is for other trainers."""
    if corpus.manifest["format"] != "messages":
        raise InputError(
            f"{corpus.folder} is in ShareGPT's form, for other trainers.", remedy="make it with --format messages"
        )


def chosen(ids: Iterable[str], n: int, seed: int) -> list[str]:
    """`n` of the ids (all, if there are fewer), sorted: those whose sha256 with the seed is lowest.

    A larger sample of the same seed holds the smaller one.
    """
    ranked = sorted(set(ids), key=lambda one: hashlib.sha256(f"{seed}\0{one}".encode()).digest())
    return sorted(ranked[:n])
