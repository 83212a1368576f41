"""Supervised fine-tuning of an adapter on a corpus, by TRL's SFTTrainer.

What was left to TRL: batches, loss, optimiser, packing. What is ours: every example is validated as tokens before the
first step, its labels lie on the answer alone, and the trainer must hold the very examples that were validated. How a
run is checked, trained and resumed is `runs.run` and `runs.training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bioreview_bench.errors import DataError

from ..config.schema import Count, DataPart, RunConfig, System
from ..console import Console
from ..corpora.files import chosen
from ..models.encode_examples import IGNORED, Example, encode_all
from ..runs.inputs import Material, Model, corpus_material, encoder_for
from ..runs.run import Examples, Method, Run, Steps, losses, shown, steps_of


class CorpusPart(DataPart):
    """A corpus, how it asks, and how many of its val examples (chosen by the seed) are evaluated on; null for none."""

    thinking: bool
    system: System
    eval_examples: Count | None


class SftConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    TRL: ClassVar = ("trl.trainer.sft_config", "SFTConfig")
    REQUIRED: ClassVar = ("max_length",)
    PINNED: ClassVar[dict[str, Any]] = {
        "packing": False,
        "packing_strategy": "bfd",
        "eval_packing": False,
        "padding_free": False,
        "shuffle_dataset": False,
        "loss_type": "nll",
        "completion_only_loss": True,
    }

    data: CorpusPart

    def derived(self) -> dict[str, Any]:
        """TRL prepares nothing but packs."""
        kept = None if self.trl["packing"] else {"skip_prepare_dataset": True}
        return {**super().derived(), "dataset_kwargs": kept}

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        found = super().problems()
        joined = [name for name in ("packing", "padding_free") if self.trl[name]]
        if joined and "flash" not in self.model.attention:
            found.append(
                f"trl.{joined[0]}: needs model.attention: flash_attention_2; with others packed papers would read "
                "each other"
            )
        if self.trl["loss_type"] not in ("nll", "dft"):
            found.append("trl.loss_type: is nll or dft")
        if (self.trl["eval_strategy"] == "no") != (self.data.eval_examples is None):
            found.append("trl.eval_strategy and data.eval_examples go together: steps and a number, or no and null")
        return found


class Sft(Method):
    """Data: a corpus. Trainer: TRL's SFTTrainer. Metrics: losses."""

    name = "sft"
    per_example = "examples"

    def material(self, config: SftConfig) -> Material:
        """The corpus that the config names."""
        material = corpus_material(config.data)
        if config.data.eval_examples is not None and not material.kept:
            raise DataError(
                f"{material.folder} has no examples to evaluate on.",
                remedy="--set trl.eval_strategy=no --set data.eval_examples=null",
            )
        return material

    def examples(self, config: SftConfig, material: Material, model: Model, console: Console) -> Examples:
        """All of train, and of val those that the seed chooses."""
        encoder = encoder_for(config, material, model)
        n = config.data.eval_examples
        ids = chosen((row["article_id"] for row in material.kept), n, config.trl["seed"]) if n else []
        sample = [row for row in material.kept if row["article_id"] in ids]
        whole = not config.trl["completion_only_loss"]
        train, kept = (
            [replace(one, whole_loss=whole) for one in encode_all(rows, encoder, f"examples of {split}", console)]
            for split, rows in (("train", material.rows), ("val", sample))
        )
        return Examples(train, kept, [(one.n_prompt, one.n_target) for one in train])

    def estimated(self, config: SftConfig, material: Material) -> tuple[Sequence[tuple[int, int]], str]:
        """As the corpus states them."""
        manifest = material.manifest
        counter = manifest.get("lengths", {}).get("counted_by") or manifest["counter"]["name"]
        found = [(int(row["n_prompt_tokens"]), int(row["n_target_tokens"])) for row in material.rows]
        return found, f"as the corpus states them (counter: {counter})"

    def steps(self, config: SftConfig, n: int) -> Steps:
        """Every example once an epoch."""
        return steps_of(config, n, "examples")

    def described(self, config: SftConfig, material: Material) -> list[str]:
        """What is evaluated on the way."""
        n, t = config.data.eval_examples, config.trl
        every = (
            f"every {t['eval_steps'] or t['logging_steps']:,} steps" if t["eval_strategy"] == "steps" else "each epoch"
        )
        return [] if n is None else [f"evaluated   {min(n, len(material.kept)):,} of val, {every}"]

    def remarks(self, config: SftConfig, material: Material) -> list[str]:
        """That packed examples are fewer, and that prompts are learnt."""
        said = {
            "Packing joins short examples, so there will be fewer steps than this.": config.trl["packing"],
            "The loss lies on prompts too (trl.completion_only_loss: false).": not config.trl["completion_only_loss"],
        }
        return [text for text, applies in said.items() if applies]

    def trainer(self, run: Run, given: Any, model: Any, adapter: Any) -> Any:
        """On input_ids and labels, which nothing prepares any more."""
        from trl.trainer.sft_trainer import SFTTrainer

        from ..runs.trainers import Sealing

        class SealingSFTTrainer(Sealing, SFTTrainer):
            """TRL's, with sealed checkpoints."""

        return SealingSFTTrainer(
            model=model,
            args=given,
            train_dataset=_dataset(run.examples.train),
            eval_dataset=_dataset(run.examples.kept) if run.examples.kept else None,
            processing_class=run.model.chat.tokenizer,
            peft_config=adapter,
        )

    def settled(self, run: Run, trainer: Any) -> str:
        """What the trainer holds must be what was validated."""
        dataset, examples = trainer.train_dataset, run.examples.train
        table = dataset.with_format("numpy")
        if "seq_lengths" in dataset.column_names:  # packed: other rows, the same tokens
            carrying = sum(int((row["labels"] != IGNORED).sum()) for row in table)
            same = carrying == sum(int((one.labels != IGNORED).sum()) for one in examples)
        else:
            same = len(dataset) == len(examples) and all(
                np.array_equal(row["input_ids"], one.input_ids) and np.array_equal(row["labels"], one.labels)
                for row, one in zip(table, examples, strict=True)
            )
        if not same:
            raise DataError("The trainer changed the examples that were validated.", remedy="report this as a defect")
        return ""

    def metrics(self, run: Run, trainer: Any, finished: bool) -> dict[str, Any]:
        """Losses, and what they are of."""
        history, train = trainer.state.log_history, run.examples.train
        evaluated = [row["eval_loss"] for row in history if "eval_loss" in row]
        return {
            **losses(history),
            "eval_loss": evaluated[-1] if evaluated else None,
            "eval_ids": [one.article_id for one in run.examples.kept],
            "n_examples": len(train),
            "n_prompt_tokens": sum(one.n_prompt for one in train),
            "n_target_tokens": sum(one.n_target for one in train),
        }

    def report(self, summary: Mapping[str, Any], out: Path) -> list[str]:
        """Losses."""
        metrics = summary["metrics"]
        on_val = f"; on val {shown(metrics['eval_loss'])}" if metrics["eval_loss"] is not None else ""
        return [f"loss {shown(metrics['first_train_loss'])} at first, {shown(metrics['train_loss'])} at last{on_val}"]


def _dataset(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [one.input_ids for one in examples], "labels": [one.labels for one in examples]}
    )
