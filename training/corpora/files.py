"""Folders of rows to train on: what each holds, reading them back, and writing a corpus.

`corpus.json`    states `train.jsonl` and `val.jsonl`, a corpus of supervised training (`bench train corpus`, `qa-data`)
`manifest.json`  states `grpo.jsonl` (questions) and `pairs.jsonl` (preferences) (`bench train qa-data`, `pairs`)

A manifest carries the sha256 of its files, and a file that is read must have it. Which rows enter is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.reading import find_json

SCHEMA_VERSION = "1"
CORPUS, MANIFEST, PAIRS = "corpus.json", "manifest.json", "pairs.jsonl"
SPLITS = ("train", "val")
_FORMATS = ("messages", "sharegpt")
_MOST_PROBLEMS = 20
_REMEDIES = {
    CORPUS: "bench train corpus --recipe A --model MODEL -o NEW_FOLDER",
    MANIFEST: "bench train qa-data -o DIR (questions), or bench train pairs ... -o DIR (reviews)",
}

Wrong = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class StatedFolder:
    """A folder whose files have the sha256 that its manifest states."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the sha256 over the sha256 of the stated files: equal exactly when all of them are."""
        return corpus_fingerprint(self.manifest["files"])


@dataclass(frozen=True)
class TrainingCorpus(StatedFolder):
    """A corpus whose files have the sha256 that its manifest states.

    A row is `{"article_id", "messages": [{"role", "content"}, ...], "n_prompt_tokens", "n_target_tokens", "cut"}`;
    the last message is the assistant's, the target. `article_id` is the row's id: that of its article, or of the item
    that a question comes from; such rows have further keys, which training does not read. Rows of a ShareGPT corpus
    have `conversations` in the place of `messages`.
    """

    train: Sequence[Mapping[str, Any]]
    val: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Rows(StatedFolder):
    """Questions or pairs."""

    rows: Sequence[Mapping[str, Any]]


def read_corpus(folder: Path) -> TrainingCorpus:
    """Read and check a corpus. Raises DataError: no corpus there, wrong fingerprint, or rows of the wrong shape."""
    manifest = read_manifest(folder)
    wrong = partial(_wrong_example, form=manifest["format"])
    train, val = (_stated(folder / f"{split}.jsonl", manifest, CORPUS, wrong) for split in SPLITS)
    return TrainingCorpus(folder, manifest, train, val)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the corpus in `folder`, its files not looked at. Raises DataError."""
    manifest = _manifest(folder, CORPUS)
    problem = None
    if manifest.get("schema_version") != SCHEMA_VERSION:
        problem = f"the schema version is {printable(manifest.get('schema_version'))}, not {SCHEMA_VERSION}"
    elif manifest.get("format") not in _FORMATS:
        problem = f"the format {printable(manifest.get('format'))} is none of {', '.join(_FORMATS)}"
    for split in SPLITS:
        if problem is None and f"{split}.jsonl" not in manifest["files"]:
            problem = f"it states no sha256 of {split}.jsonl"
    if problem is not None:
        raise DataError(f"{folder / CORPUS}: {problem}.", remedy=_REMEDIES[CORPUS])
    return manifest


def read_pairs(folder: Path, fingerprint: str | None) -> Rows:
    """The preference pairs of `pairs.jsonl`. Raises DataError."""
    return read_stated(folder, PAIRS, _wrong_pair, fingerprint)


def read_stated(folder: Path, name: str, wrong: Wrong, fingerprint: str | None) -> Rows:
    """The rows of one file of `manifest.json`, ids once each. `wrong` says what makes a row unusable, if anything does.

    Raises DataError, also for another fingerprint than the one given.
    """
    manifest = _manifest(folder, MANIFEST)
    if name not in manifest["files"]:
        made = "add --pairs FILE to bench train qa-data, or see bench train pairs"
        raise DataError(f"{folder} has no {name}.", remedy=made if name == PAIRS else _REMEDIES[MANIFEST])
    ids: set[str] = set()

    def repeated(row: Mapping[str, Any]) -> str | None:
        reason = wrong(row)
        if reason is None and row["id"] in ids:
            reason = f"the id {printable(row['id'])} occurs twice"
        ids.add(str(row.get("id")))
        return reason

    read = Rows(folder, manifest, _stated(folder / name, manifest, MANIFEST, repeated))
    if not read.rows:
        raise DataError(f"{folder / name} contains no row.", remedy=_REMEDIES[MANIFEST])
    if fingerprint is not None and fingerprint != read.fingerprint:
        raise DataError(
            f"Wrong fingerprint: {folder} is {read.fingerprint}, and the config wants {fingerprint}.",
            remedy=f"train on the folder you mean, or --set data.fingerprint={read.fingerprint}",
        )
    return read


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
    contents, manifest = corpus_contents(rows, facts, form)
    make_folder(folder)
    write_files({folder / name: content for name, content in contents.items()})
    return manifest


def corpus_contents(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], facts: Mapping[str, Any], form: str = "messages"
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(contents by file name, the manifest's last; the manifest) of a corpus. Arguments as for `write_corpus`."""
    contents = {f"{split}.jsonl": as_jsonl(rows[split]) for split in SPLITS}
    files = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "n_rows": len(rows[Path(name).stem])}
        for name, content in contents.items()
    }
    manifest = {"schema_version": SCHEMA_VERSION, **facts, "format": form, "files": files}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    return {**contents, CORPUS: text.encode()}, manifest


def as_jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def require_messages(corpus: TrainingCorpus) -> None:
    """Raise InputError for a corpus in ShareGPT's form, which is for other trainers."""
    if corpus.manifest["format"] != "messages":
        raise InputError(
            f"{corpus.folder} is in ShareGPT's form, for other trainers.", remedy="make it with --format messages"
        )


def chosen(ids: Iterable[str], n: int, seed: int) -> list[str]:
    """`n` of the ids (all, if there are fewer), sorted: those whose sha256 with the seed is lowest.

    A sample that the seed decides and nothing else: not their order, not how many others there are. A larger sample of
    the same seed holds the smaller one.
    """
    ranked = sorted(set(ids), key=lambda name: hashlib.sha256(f"{seed}\0{name}".encode()).digest())
    return sorted(ranked[:n])


def has_strings(row: Mapping[str, Any], *keys: str) -> bool:
    """Whether `row` holds text under each of the keys."""
    return all(isinstance(row.get(key), str) and row[key] for key in keys)


def ends_with(value: Any, last: str) -> bool:
    """Whether `value` is a list of turns that ends with the role `last`."""
    turns = value if isinstance(value, list) else []
    well_made = all(isinstance(turn, dict) and has_strings(turn, "role", "content") for turn in turns)
    return bool(turns) and well_made and turns[-1]["role"] == last


def _manifest(folder: Path, name: str) -> dict[str, Any]:
    what = "is not a corpus" if name == CORPUS else "contains no data to train on"
    manifest = find_json(folder / name, DataError, _REMEDIES[name])
    if manifest is None:
        raise DataError(f"{folder} {what}: there is no file {folder / name}.", remedy=_REMEDIES[name])
    files = manifest.get("files")
    known = isinstance(files, dict) and all(
        isinstance(facts, dict) and isinstance(facts.get("sha256"), str) for facts in files.values()
    )
    if not known:
        raise DataError(f"{folder / name} states no sha256 of the files.", remedy=_REMEDIES[name])
    return manifest


def _stated(path: Path, manifest: Mapping[str, Any], name: str, wrong: Wrong) -> list[dict[str, Any]]:
    """The rows of a file that has the sha256 which its manifest, the file `name` beside it, states."""
    digest = hashlib.sha256()
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, row in read_rows(path, DataError, digest.update):
        reason = row.message if isinstance(row, Problem) else wrong(row)
        if reason is not None:
            problems.append(Problem(reason, number))
        elif not isinstance(row, Problem):
            rows.append(row)
    stated, actual = manifest["files"][path.name]["sha256"], digest.hexdigest()
    if actual != stated:
        raise DataError(
            f"Wrong {'corpus ' if name == CORPUS else ''}fingerprint: {path} has the sha256 {actual[:12]}..., "
            f"{name} states {printable(stated[:12])}...: the file was changed after it was made.",
            remedy="restore the file, or make it again into a new folder",
        )
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise DataError(f"{path}: {len(problems)} rows are not to be trained on.{listed}", remedy=_REMEDIES[name])
    return rows


def _wrong_example(row: Mapping[str, Any], form: str) -> str | None:
    if not isinstance(row.get("article_id"), str):
        return "article_id is missing"
    key, who, what, last = (
        ("messages", "role", "content", "assistant")
        if form == "messages"
        else ("conversations", "from", "value", "gpt")
    )
    turns = row.get(key)
    if not isinstance(turns, list) or len(turns) < 2 or not all(isinstance(turn, dict) for turn in turns):
        return f"{key} is not a list of two or more turns"
    if not all(isinstance(turn.get(who), str) and isinstance(turn.get(what), str) for turn in turns):
        return f"a turn in {key} lacks {who} or {what}"
    if turns[-1][who] != last:
        return f"the last turn is the {printable(turns[-1][who])}'s, not the {last}'s"
    return None


def _wrong_pair(row: Mapping[str, Any]) -> str | None:
    if not has_strings(row, "id") or not ends_with(row.get("prompt"), "user"):
        return "id or prompt is missing"
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if not isinstance(chosen, list) or not isinstance(rejected, list) or chosen == rejected:
        return "chosen or rejected is missing, or they are the same"
    if not all(ends_with(answer, "assistant") and len(answer) == 1 for answer in (chosen, rejected)):
        return "chosen or rejected is not a single turn of the assistant"
    return None
