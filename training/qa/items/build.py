"""From tables to files: items, drilled key facts, the division, and the lines that are written.

The same seed and inputs give the same bytes. What is written names no date and no path.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.files.atomic import make_folder, write_files

from ...corpora.files import CORPUS, MANIFEST, PAIRS, as_jsonl, corpus_fingerprint
from ..prompt import question_key, template_sha256
from .facts import kmp_items, load_facts
from .given import Given, leave_out
from .gsea import Finding, gsea_items
from .holdout import divide, prove_disjoint
from .item import Item
from .rows import Counting, as_corpus

TRAIN, VAL, EVALUATION, GRPO = "train.jsonl", "val.jsonl", "eval.jsonl", "grpo.jsonl"
LABEL = "questions"  # what a training summary calls these data


@dataclass(frozen=True)
class QuestionFiles:
    """File contents by name, and what the manifest says."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]


def build(
    *,
    seed: int,
    drill: int = 0,
    held_out: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    sft: Sequence[Given] = (),
    pairs: Sequence[Given] = (),
    keep_out: Sequence[str] = (),
    counting: Counting | None = None,
) -> QuestionFiles:
    """Divide, drill, shuffle and write out.

    `drill` adds so many further copies of each key fact to the supervised training rows, and to nothing else.
    Questions of `keep_out` leave every file that is trained on. Given rows and pairs whose question is among the
    evaluation items leave too. Training rows and, as val, the evaluation items are a corpus of supervised training;
    `counting` counts their tokens (None: an estimate). Raises DataError when training and evaluation still share a
    question, and InputError for an unknown tissue.
    """
    items = _unique([*kmp_items(), *gsea_items(findings)])
    train, evaluation = divide(items, held_out)
    apart = set(map(question_key, keep_out))
    n_train = len(train)
    train = [item for item in train if question_key(item.question) not in apart]
    unseen = apart | {question_key(item.question) for item in evaluation}
    named = [Given(row.question, {"id": f"given-{n}", **row.row}) for n, row in enumerate(sft, start=1)]
    given, n_given_out = leave_out(named, unseen)
    given, n_mention_given = _without_tissues(given, held_out)
    paired, n_pairs_out = leave_out(pairs, unseen)
    paired, n_mention_pairs = _without_tissues(paired, held_out)

    rows = [item.row() for item in train] + [row.row for row in given]
    for item in train:
        if item.key_fact:
            rows += [item.row(id=f"{item.id}-drill{number}") for number in range(1, drill + 1)]
    asked = [{"prompt": row["messages"][:-1], **_without(row, "messages")} for row in (item.row() for item in train)]
    judged = [item.row() for item in evaluation]
    for held in (rows, asked):  # each anew, so that drilling leaves the order of the other alone
        random.Random(seed).shuffle(held)  # noqa: S311 - an order, no secret
    prove_disjoint(
        [row["question"] for row in [*rows, *asked]] + [row.question for row in paired],
        [row["question"] for row in judged] + list(keep_out),
    )
    contents = {TRAIN: rows, VAL: judged, EVALUATION: judged, GRPO: asked}
    if pairs:
        contents[PAIRS] = [row.row for row in paired]
    counting = counting or Counting.estimate()
    origin = {
        "seed": seed,
        "drill": drill,
        "held_out": sorted(name.casefold() for name in held_out),
        "facts": load_facts().source,
    }
    corpus, stated = as_corpus(rows, judged, counting, {"label": LABEL, **origin})
    files = {name: corpus.get(name) or as_jsonl(held) for name, held in contents.items()}
    manifest = {
        **origin,
        "template_sha256": template_sha256(),
        "asked": counting.asked(),
        "corpus": corpus_fingerprint(stated["files"]),
        "lengths": stated["lengths"],
        "files": {
            name: {"rows": len(contents[name]), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        },
        "types": {
            name: dict(sorted(Counter(row.get("type", "pair") for row in held).items()))
            for name, held in contents.items()
        },
        "kept_out": {"items": n_train - len(train), "given": n_given_out, "pairs": n_pairs_out},
        "naming_held_out": {"given": n_mention_given, "pairs": n_mention_pairs},
    }
    return QuestionFiles(
        {**files, CORPUS: corpus[CORPUS], MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}, manifest
    )


def write(built: QuestionFiles, folder: Path) -> None:
    """Write all files or none, the manifest last. Raises WriteError."""
    make_folder(folder)
    write_files({folder / name: content for name, content in built.files.items()})


def _unique(items: Sequence[Item]) -> list[Item]:
    """The first item of each question."""
    found: dict[str, Item] = {}
    for item in items:
        found.setdefault(question_key(item.question), item)
    return list(found.values())


def _without_tissues(rows: Sequence[Given], held_out: Sequence[str]) -> tuple[list[Given], int]:
    """Rows that name no held-out tissue anywhere in their texts, and how many did."""
    names = [f" {question_key(name)} " for name in held_out]
    kept = [row for row in rows if not any(name in f" {question_key(_text(row.row))} " for name in names)]
    return kept, len(rows) - len(kept)


def _text(value: Any) -> str:
    """Every string in a row."""
    if isinstance(value, dict):
        value = list(value.values())
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)


def _without(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}
