"""Direct preference optimisation of an adapter on pairs of answers, by TRL's DPOTrainer.

What was left to TRL: loss, batches, optimiser. What is ours: both answers of a pair are validated as examples of
supervised training are, all pairs of some questions are held out, and how often the chosen answer is the likelier one
is measured before and after. The reference is the model that training starts from: its own weights with the new adapter
switched off, or a frozen copy of the adapter that is trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import DataError, InputError, printable

from ..config.schema import Count, DataPart, RunConfig, StartPart
from ..console import Console
from ..corpora.files import asked_by, chosen, read_pairs
from ..models.encode_examples import Example, ExampleEncoder, encode_all
from ..runs.inputs import Material, Model, encoder_for
from ..runs.run import Examples, Method, Run, Steps, estimated_tokens, losses, steps_of

LOWEST_BETA = 0.1  # of the published runs; 0.05 destroyed knowledge in them
_LOSSES = {
    "sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
    "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft",
}  # fmt: skip


class PairsPart(DataPart):
    """Which pairs. `held_out` questions (with all their pairs) are not trained on, and give the accuracy."""

    held_out: Count


class DpoConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    TRL: ClassVar = ("trl.trainer.dpo_config", "DPOConfig")
    REQUIRED: ClassVar = ("beta", "max_length")
    PINNED: ClassVar[dict[str, Any]] = {
        "loss_type": ["sigmoid"],
        "label_smoothing": 0.0,
        "disable_dropout": False,  # the adapter's dropout is in the config; TRL would set it to 0
        "precompute_ref_log_probs": False,
        "f_divergence_type": "reverse_kl",
        "use_weighting": False,
        "sync_ref_model": False,
        "padding_free": False,
    }

    data: PairsPart
    start: StartPart

    @property
    def sequences(self) -> int:
        """Two for each pair."""
        return 2 * super().sequences

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        found = super().problems()
        strange = [name for name in self.trl["loss_type"] if name not in _LOSSES]
        if strange:
            found.append(f"trl.loss_type: {', '.join(strange)} is none of {', '.join(sorted(_LOSSES))}")
        if self.trl["train_sampling_strategy"] != "random":
            found.append("trl.train_sampling_strategy: is random; lengths of pairs are not known to the sampler")
        if not self.trl["beta"] > 0:
            found.append("trl.beta: must be above 0")
        return found

    def warnings(self) -> list[str]:
        """What is allowed and known to end badly."""
        if self.trl["beta"] < LOWEST_BETA:
            return [
                f"trl.beta is {self.trl['beta']:g}: below {LOWEST_BETA:g} a model may drift far from what it knew; in "
                "the published runs 0.05 destroyed knowledge."
            ]
        return []


@dataclass(frozen=True)
class TokenPair:
    """Token ids of a prompt, of the chosen answer and of the rejected one, each answer with its end."""

    key: str
    prompt: NDArray[np.int32]
    chosen: NDArray[np.int32]
    rejected: NDArray[np.int32]

    @property
    def lengths(self) -> tuple[int, int]:
        """Tokens of the prompt and of the longer answer."""
        return len(self.prompt), max(len(self.chosen), len(self.rejected))


class Dpo(Method):
    """Data: pairs. Trainer: TRL's DPOTrainer. Metrics: preference on held-out pairs, before and after."""

    name = "dpo"
    per_example = "pairs"

    def material(self, config: DpoConfig) -> Material:
        """The pairs that the config names, those of some questions held out."""
        read = read_pairs(Path(config.data.folder), config.data.fingerprint)
        train, apart = divide(read.rows, config.data.held_out, config.trl["seed"])
        manifest = {"data": {"label": "pairs"}, **read.manifest}
        return Material(read.folder, read.fingerprint, manifest, asked_by(read.manifest), train, apart)

    def examples(self, config: DpoConfig, material: Material, model: Model, console: Console) -> Examples:
        """All pairs as tokens."""
        encoder = encoder_for(config, material, model)
        train = _encoded(material.rows, encoder, "answers of the pairs", console)
        apart = _encoded(material.kept, encoder, "answers of the held-out pairs", console)
        return Examples(train, apart, [one.lengths for one in train])

    def estimated(self, config: DpoConfig, material: Material) -> tuple[Sequence[tuple[int, int]], str]:
        """By characters."""
        return [
            (
                estimated_tokens(row["prompt"]),
                max(estimated_tokens(row["chosen"]), estimated_tokens(row["rejected"])),
            )
            for row in material.rows
        ], "estimated by characters"

    def steps(self, config: DpoConfig, n: int) -> Steps:
        """Every pair once an epoch."""
        return steps_of(config, n, "pairs")

    def described(self, config: DpoConfig, material: Material) -> list[str]:
        """What of the loss is the method's."""
        return [
            f"pairs       {len(material.kept):,} held out ({config.data.held_out:,} questions); beta "
            f"{config.trl['beta']:g}, loss {', '.join(config.trl['loss_type'])}"
        ]

    def trainer(self, run: Run, given: Any, model: Any, adapter: Any) -> Any:
        """On pairs that come as tokens."""
        from .trainer import SealingDPOTrainer

        return SealingDPOTrainer(
            model=model,
            args=given,
            train_dataset=_dataset(run.examples.train),
            eval_dataset=_dataset(run.examples.kept),
            processing_class=run.model.chat.tokenizer,
            peft_config=adapter,
        )

    def settled(self, run: Run, trainer: Any) -> str:
        """No pair may be left out; the reference is measured."""
        from .trainer import preference

        if len(trainer.train_dataset) != len(run.examples.train):
            raise DataError("The trainer left out pairs that were validated.", remedy="report this as a defect")
        trainer.before = preference(trainer, reference=True).facts()
        return (
            f" Of {trainer.before['n']:,} held-out pairs the chosen answer is the likelier one in "
            f"{trainer.before['accuracy']:.1%} before training."
        )

    def metrics(self, run: Run, trainer: Any, finished: bool) -> dict[str, Any]:
        """Losses, and preference on the held-out pairs."""
        from .trainer import preference

        after = preference(trainer, reference=False).facts() if finished else None
        return {
            **losses(trainer.state.log_history),
            "n_pairs": len(run.examples.train),
            "held_out": {"before": trainer.before, "after": after},
        }

    def report(self, summary: Mapping[str, Any], out: Path) -> list[str]:
        """Preference before and after."""
        before, after = summary["metrics"]["held_out"]["before"], summary["metrics"]["held_out"]["after"]
        rows = [
            ("chosen likelier, as a whole", "accuracy", "9.1%"),
            ("chosen likelier, by token", "per_token", "9.1%"),
            ("log p(chosen) - log p(rejected)", "margin", "9.2f"),
        ]
        return [
            f"on {before['n']:,} held-out pairs:",
            f"  {'':<35}{'before':>9} {'after':>9}",
            *(f"  {label:<35}{before[key]:>{form}} {after[key]:>{form}}" for label, key, form in rows),
        ]


def question_of(row: Mapping[str, Any]) -> str:
    """What is asked in a pair: its article, or else the words of the prompt."""
    return str(row.get("article_id") or row["prompt"][-1]["content"])


def divide(rows: Sequence[Mapping[str, Any]], n: int, seed: int) -> tuple[list[Any], list[Any]]:
    """(train, held out): all pairs of `n` questions, chosen by the seed, are held out. Raises InputError."""
    questions = {question_of(row) for row in rows}
    if n >= len(questions):
        raise InputError(
            f"The pairs ask {len(questions):,} questions, and data.held_out is {n:,}: nothing is left to train on.",
            remedy="--set data.held_out=N with a smaller number",
        )
    apart = set(chosen(questions, n, seed))
    return (
        [row for row in rows if question_of(row) not in apart],
        [row for row in rows if question_of(row) in apart],
    )


def _encoded(
    rows: Sequence[Mapping[str, Any]], encoder: ExampleEncoder, what: str, console: Console
) -> list[TokenPair]:
    answers = [
        {"article_id": f"{row['id']} {side}", "messages": [*row["prompt"], *row[side]]}
        for row in rows
        for side in ("chosen", "rejected")
    ]
    found = encode_all(answers, encoder, what, console)
    return [
        _pair(str(row["id"]), first, second) for row, first, second in zip(rows, found[::2], found[1::2], strict=True)
    ]


def _pair(key: str, first: Example, second: Example) -> TokenPair:
    prompt = first.input_ids[: first.n_prompt]
    if not np.array_equal(prompt, second.input_ids[: second.n_prompt]):
        raise DataError(f"The pair {printable(key)} has two prompts.", remedy="report this as a defect")
    return TokenPair(key, prompt, first.input_ids[first.n_prompt :], second.input_ids[second.n_prompt :])


def _dataset(pairs: Sequence[TokenPair]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "prompt_ids": [one.prompt for one in pairs],
            "chosen_ids": [one.chosen for one in pairs],
            "rejected_ids": [one.rejected for one in pairs],
        }
    )
