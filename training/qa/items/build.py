"""From tables to files: items, drilled key facts, the division, and the lines that are written.

The same seed and inputs give the same bytes. What is written names no date and no path. In the corpus of supervised
training a row keeps what its item holds; `article_id` is the item's id, for no article stands behind it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import model_folder, shown_name
from bioreview_bench.llm.text.fitting import load_counter

from ...corpora.files import CORPUS, MANIFEST, PAIRS, as_jsonl, asked_by, corpus_contents, corpus_fingerprint
from ...corpora.rows import Lengths, length_percentiles
from ...models.chat_templates import template_text
from ...models.families import tokenizer_sha256
from ..prompt import question_key, template_sha256
from .facts import kmp_items, load_facts
from .given import Given, leave_out
from .gsea import Finding, gsea_items
from .holdout import divide, prove_disjoint
from .item import Item

TRAIN, VAL, EVALUATION, GRPO = "train.jsonl", "val.jsonl", "eval.jsonl", "grpo.jsonl"
LABEL = "questions"  # what a training summary calls these data


@dataclass(frozen=True)
class QuestionFiles:
    """File contents by name, and what the manifest says."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Counting:
    """How lengths are counted: by a model's tokenizer and chat template, or three characters a token."""

    lengths: Lengths
    model: str | None = None
    tokenizer_sha256: str | None = None
    template_sha256: str | None = None

    @classmethod
    def estimate(cls) -> Self:
        """Without a model."""
        return cls(Lengths.of_counter(load_counter("chars3")))

    @classmethod
    def of_model(cls, model: str, chat_template: str | None) -> Self:
        """By the model to be trained; `chat_template` (a name or a file) wins over its own. Raises EncoderError."""
        folder = model_folder(model)
        chat = Chat(folder, source=None if chat_template is None else template_text(chat_template))
        return cls(Lengths.of_chat(chat), shown_name(model), tokenizer_sha256(folder), chat.template_sha256)

    @property
    def described(self) -> str:
        """For people: who counted."""
        return "the model's tokenizer" if self.model is not None else f"{self.lengths.name}, an estimate"

    def asked(self) -> dict[str, Any]:
        """How a model is asked by these rows, as a training summary says it. They hold no paper: the budget is 0."""
        counter = {"name": "none", "tokenizer_sha256": self.tokenizer_sha256}
        return {**asked_by({"template_sha256": template_sha256()}), "counter": counter}


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
    learnt, evaluation = divide(_unique([*kmp_items(), *gsea_items(findings)]), held_out)
    apart = set(map(question_key, keep_out))
    train = [item for item in learnt if question_key(item.question) not in apart]
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
    tissues = sorted(name.casefold() for name in held_out)
    origin = {"seed": seed, "drill": drill, "held_out": tissues, "facts": load_facts().source}
    counts = {
        "kept_out": {"items": len(learnt) - len(train), "given": n_given_out, "pairs": n_pairs_out},
        "naming_held_out": {"given": n_mention_given, "pairs": n_mention_pairs},
    }
    return _written(contents, origin, counts, counting or Counting.estimate())


def _written(
    contents: Mapping[str, Sequence[Mapping[str, Any]]],
    origin: Mapping[str, Any],
    counts: Mapping[str, Any],
    counting: Counting,
) -> QuestionFiles:
    """Rows by file as bytes, the supervised ones as a corpus, and the manifests of both."""
    corpus, stated = _corpus(contents[TRAIN], contents[VAL], counting, {"label": LABEL, **origin})
    files = {name: corpus.get(name) or as_jsonl(rows) for name, rows in contents.items()}
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
            name: dict(sorted(Counter(row.get("type", "pair") for row in rows).items()))
            for name, rows in contents.items()
        },
        **counts,
    }
    text = json.dumps(manifest, indent=1) + "\n"
    return QuestionFiles({**files, CORPUS: corpus[CORPUS], MANIFEST: text.encode()}, manifest)


def write(built: QuestionFiles, folder: Path) -> None:
    """Write all files or none, the manifest last. Raises WriteError."""
    make_folder(folder)
    write_files({folder / name: content for name, content in built.files.items()})


def _corpus(
    train: Sequence[Mapping[str, Any]], val: Sequence[Mapping[str, Any]], counting: Counting, data: Mapping[str, Any]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(files by name, manifest) of a corpus of these rows. `data` says where they come from."""
    rows = {"train": [_row(row, counting) for row in train], "val": [_row(row, counting) for row in val]}
    facts = {
        "recipe": None,
        "data": data,
        **counting.asked(),
        "model": counting.model,
        "chat_template_sha256": counting.template_sha256,
        "lengths": {"counted_by": counting.described, **{split: _lengths(held) for split, held in rows.items()}},
    }
    return corpus_contents(rows, facts)


def _row(row: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    messages = row["messages"]
    return {
        "article_id": row["id"],
        **row,
        "n_prompt_tokens": counting.lengths.prompt(messages),
        "n_target_tokens": counting.lengths.completion(messages),
        "cut": False,
    }


def _lengths(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    return length_percentiles([(row["n_prompt_tokens"], row["n_target_tokens"]) for row in rows])


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
