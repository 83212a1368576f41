"""Questions with answers as a corpus of supervised training: the form that `bench train sft` reads.

A row keeps what its item holds; `article_id` is the item's id, for no article stands behind it. `val` holds the
evaluation items. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import model_folder, shown_name
from bioreview_bench.llm.text.fitting import load_counter

from ...corpora.files import asked_by, corpus_contents
from ...corpora.rows import Lengths, length_percentiles
from ...models.chat_templates import template_text
from ...models.families import tokenizer_sha256
from ..prompt import template_sha256

_ESTIMATE = "chars3"


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
        return cls(Lengths.of_counter(load_counter(_ESTIMATE)))

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


def as_corpus(
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
