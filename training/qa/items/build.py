"""From tables to files: items, drilled key facts, the division, and the lines that are written.

The same seed and inputs give the same bytes. What is written names no date and no path. In the corpus of supervised
training a row keeps what its item holds; `article_id` is the item's id, for no article stands behind it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.llm.text.fitting import load_counter

from ...corpora.files import CORPUS, MANIFEST, PAIRS, as_jsonl, asked_by, chosen, corpus_contents, corpus_fingerprint
from ...corpora.rows import Lengths, length_percentiles
from ..prompt import question_key, template_sha256
from .facts import kmp_items, load_facts
from .given import Given, completed
from .gsea import Finding, gsea_items
from .item import Item

TRAIN, VAL, EVALUATION, GRPO = "train.jsonl", "val.jsonl", "eval.jsonl", "grpo.jsonl"
LABEL = "questions"  # what a training summary calls these data
UNSTATED = 90  # per cent: what is said for answers that are given without a confidence
VAL_SHARE = 20  # one in so many items
_SHOWN = 5  # questions in a message


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
    unstated: int | None = UNSTATED,
    lengths: Lengths | None = None,
) -> QuestionFiles:
    """Divide, drill, shuffle and write out.

    `drill` adds so many further copies of each key fact to the supervised training rows, and to nothing else.
    Questions of `keep_out` leave every file that is trained on. Given rows and pairs whose question is among the
    evaluation items leave too. Answers of given rows and pairs without a confidence get `unstated` per cent, or, with
    None, leave. Training rows and, as val, a twentieth of the items that is no key fact are a corpus of supervised
    training; evaluation items are in neither. `lengths` counts their tokens (None: an estimate). Raises DataError when
    training, val and evaluation still share a question, and InputError for an unknown tissue.
    """
    learnt, evaluation = divide(_unique([*kmp_items(), *gsea_items(findings)]), held_out)
    apart = set(map(question_key, keep_out))
    train = [item for item in learnt if question_key(item.question) not in apart]
    unseen = apart | {question_key(item.question) for item in evaluation}
    candidates = [item.id for item in train if not item.key_fact]
    aside = set(chosen(candidates, max(1, len(train) // VAL_SHARE), seed=0))  # the same ones in whatever order
    validating = [item for item in train if item.id in aside]
    supervised = [item for item in train if item.id not in aside]
    named = [Given(row.question, {"id": f"given-{n}", **row.row}) for n, row in enumerate(sft, start=1)]
    named, n_given_closed, n_given_open = completed(named, unstated)
    pairs, n_pairs_closed, n_pairs_open = completed(pairs, unstated)
    validated = {question_key(item.question) for item in validating}
    given, n_given_out, n_mention_given = _kept(named, unseen | validated, held_out)
    paired, n_pairs_out, n_mention_pairs = _kept(pairs, unseen, held_out)

    rows = [item.row() for item in supervised] + [row.row for row in given]
    for item in supervised:
        if item.key_fact:
            rows += [item.row(id=f"{item.id}-drill{number}") for number in range(1, drill + 1)]
    asked = [_asked(item) for item in train]
    judged = [item.row() for item in evaluation]
    for held in (rows, asked):  # each anew, so that drilling leaves the order of the other alone
        random.Random(seed).shuffle(held)  # noqa: S311 - an order, no secret
    prove_disjoint(
        [row["question"] for row in [*rows, *asked]] + [row.question for row in paired],
        [row["question"] for row in judged] + list(keep_out),
    )
    seen_on_the_way = [item.row() for item in validating]
    prove_disjoint([row["question"] for row in rows], [row["question"] for row in seen_on_the_way])
    contents = {TRAIN: rows, VAL: seen_on_the_way, EVALUATION: judged, GRPO: asked}
    if paired:
        contents[PAIRS] = [row.row for row in paired]
    tissues = sorted(name.casefold() for name in held_out)
    origin = {"seed": seed, "drill": drill, "held_out": tissues, "facts": load_facts().source}
    counts = {
        "kept_out": {"items": len(learnt) - len(train), "given": n_given_out, "pairs": n_pairs_out},
        "naming_held_out": {"given": n_mention_given, "pairs": n_mention_pairs},
        "confidence": {
            "percent": unstated,
            "completed": {"given": n_given_closed, "pairs": n_pairs_closed},
            "left_out": {"given": n_given_open, "pairs": n_pairs_open},
        },
    }
    return _written(contents, origin, counts, lengths or Lengths.of_counter(load_counter("chars3")))


def _written(
    contents: Mapping[str, Sequence[Mapping[str, Any]]],
    origin: Mapping[str, Any],
    counts: Mapping[str, Any],
    lengths: Lengths,
) -> QuestionFiles:
    """Rows by file as bytes, the supervised ones as a corpus, and the manifests of both."""
    # How a model is asked by these rows, as a training summary says it. They hold no paper.
    asked = asked_by({"template_sha256": template_sha256()})
    asked["counter"] = {"name": "none", "tokenizer_sha256": lengths.tokenizer_sha256}
    rows = {split: [_row(row, lengths) for row in contents[name]] for split, name in (("train", TRAIN), ("val", VAL))}
    measured: dict[str, Any] = {
        split: length_percentiles([(row["n_prompt_tokens"], row["n_target_tokens"]) for row in held])
        for split, held in rows.items()
    }
    counted_by = f"{lengths.name}, an estimate" if lengths.model is None else "the model's tokenizer"
    facts = {
        "recipe": None,
        "data": {"label": LABEL, **origin},
        **asked,
        "model": lengths.model,
        "chat_template_sha256": lengths.template_sha256,
        "lengths": {"counted_by": counted_by, **measured},
    }
    corpus, stated = corpus_contents(rows, facts)
    files = {name: corpus.get(name) or as_jsonl(held) for name, held in contents.items()}
    manifest = {
        **origin,
        "template_sha256": template_sha256(),
        "asked": asked,
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
        **counts,
    }
    text = json.dumps(manifest, indent=1) + "\n"
    return QuestionFiles({**files, CORPUS: corpus[CORPUS], MANIFEST: text.encode()}, manifest)


def write(built: QuestionFiles, folder: Path) -> None:
    """Write all files or none, the manifest last. Raises WriteError."""
    make_folder(folder)
    write_files({folder / name: content for name, content in built.files.items()})


def _row(row: Mapping[str, Any], lengths: Lengths) -> dict[str, Any]:
    messages = row["messages"]
    return {
        "article_id": row["id"],
        **row,
        "n_prompt_tokens": lengths.prompt(messages),
        "n_target_tokens": lengths.completion(messages),
        "cut": False,
    }


def _unique(items: Sequence[Item]) -> list[Item]:
    """The first item of each question."""
    found: dict[str, Item] = {}
    for item in items:
        found.setdefault(question_key(item.question), item)
    return list(found.values())


def _kept(rows: Sequence[Given], keys: set[str], held_out: Sequence[str]) -> tuple[list[Given], int, int]:
    """(rows to train on, how many ask one of the questions `keys`, how many others name a held-out tissue anywhere)."""
    names = [f" {question_key(name)} " for name in held_out]
    apart = [row for row in rows if question_key(row.question) not in keys]
    kept = [row for row in apart if not any(name in f" {question_key(_text(row.row))} " for name in names)]
    return kept, len(rows) - len(apart), len(apart) - len(kept)


def _text(value: Any) -> str:
    """Every string in a row."""
    if isinstance(value, dict):
        value = list(value.values())
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)


def _asked(item: Item) -> dict[str, Any]:
    """An item as a line of `grpo.jsonl`."""
    row = item.row()
    return {"prompt": row.pop("messages")[:-1], **row}


def divide(items: Sequence[Item], held_out: Sequence[str]) -> tuple[list[Item], list[Item]]:
    """(train, evaluation), in the order of `items`.

    Every item that depends on a held-out tissue is for evaluation. Of other facts the last wording is: the fact is
    learnt in other words. Facts with one wording are for training. Raises InputError for a tissue that no item has.
    """
    known = sorted({tissue for item in items for tissue in item.tissues})
    wanted = {name.casefold() for name in held_out}
    unknown = sorted(wanted - set(known))
    if unknown:
        raise InputError(
            f"No item has the tissue {', '.join(map(printable, unknown))}.",
            remedy=f"--gsea TABLE with findings of it; the tissues are {', '.join(known)}",
        )
    last: dict[str, int] = {}
    for item in items:
        last[item.fact] = max(item.wording, last.get(item.fact, 0))
    train: list[Item] = []
    evaluation: list[Item] = []
    for item in items:
        kept_back = item.wording > 0 and item.wording == last[item.fact]
        (evaluation if kept_back or wanted & set(item.tissues) else train).append(item)
    return train, evaluation


def prove_disjoint(train: Iterable[str], evaluation: Iterable[str]) -> None:
    """Raise DataError when a question is in both after normalisation (case, signs, thousands, white space)."""
    asked = {question_key(question): question for question in evaluation}
    both = [asked[key] for key in dict.fromkeys(map(question_key, train)) if key in asked]
    if both:
        listed = "\n".join(f"  {printable(question)}" for question in both[:_SHOWN])
        raise DataError(
            f"{len(both)} questions are in training and in evaluation:\n{listed}",
            remedy="--keep-out the evaluation file, so that these questions leave training",
        )
