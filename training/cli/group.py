"""`bench train`: from the frozen splits to a submitted model."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.training.cli."

# In the order in which they are used: a reviewer by examples; by preferences and rewards; questions; everything else.
_COMMANDS: dict[str, tuple[str, str]] = {
    "corpus": (f"{_HERE}corpus:corpus", "Make a corpus from the frozen splits."),
    "config": (f"{_HERE}config:config", "List the package's configs, show one, or copy one to change."),
    "sft": (f"{_HERE}train:sft", "Train an adapter (QLoRA) on a corpus."),
    "probe": (f"{_HERE}probe:probe", "Score the checkpoints of a run on a small sample."),
    "sweep": (f"{_HERE}sweep:sweep", "Write variants of a config, and collect their results."),
    "pairs": (f"{_HERE}pairs:pairs", "Make preference pairs of samples by their rewards."),
    "dpo": (f"{_HERE}train:dpo", "Train an adapter on preference pairs."),
    "grpo": (f"{_HERE}train:grpo", "Train an adapter by rewards of its own samples."),
    "generate": (f"{_HERE}generate:generate", "Let a trained model review a split."),
    "merge": (f"{_HERE}merge:merge", "Write weights with adapters merged into them."),
    "card": (f"{_HERE}card:card", "Fill a submission card and a model card."),
    "push": (f"{_HERE}push:push", "Upload an adapter or model to the Hub."),
    "qa-data": (f"{_HERE}qa_data:qa_data", "Make questions with ground truth from tables."),
    "evaluate-qa": (f"{_HERE}evaluate_qa:evaluate_qa", "Score answers to questions and their calibration."),
    "matcher": (f"{_HERE}matcher:matcher", "Train a matcher of concerns: an adapter of an encoder."),
    "slurm": (f"{_HERE}slurm:slurm", "Render, and submit, a SLURM job."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, short_help="Train a reviewer: corpora, SFT, DPO, GRPO, generation.")
def train() -> None:
    """Train a reviewer, let it review, and publish it.

    \b
    Examples, in order:
      bench train config list
      bench train corpus --recipe A --model Qwen/Qwen3-8B --data v3 -o corpora/a-qwen3
      bench train sft qwen3_8b --corpus corpora/a-qwen3 --dry-run
      bench train sft qwen3_8b --corpus corpora/a-qwen3 -o runs/sft-a
      bench train probe runs/sft-a --data v3
      bench train generate --adapter runs/sft-a --data v3 --split val
      bench train card runs/sft-a --organisation "My lab" --contact me@example.org

    Without a GPU, --dry-run of sft, dpo and grpo prints lengths, steps and memory.
    """
