"""`bench train`: from the frozen splits to a submitted model."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.training.cli."

_COMMANDS: dict[str, tuple[str, str]] = {
    "corpus": (f"{_HERE}corpus:corpus", "Make a corpus from the frozen splits."),
    "config": (f"{_HERE}config:config", "List the package's configs, or show one resolved."),
    "sft": (f"{_HERE}train:sft", "Train an adapter (QLoRA) on a corpus."),
    "dpo": (f"{_HERE}train:dpo", "Train an adapter on preference pairs."),
    "grpo": (f"{_HERE}train:grpo", "Train an adapter by rewards of its own samples."),
    "pairs": (f"{_HERE}pairs:pairs", "Make preference pairs of samples by their rewards."),
    "matcher": (f"{_HERE}matcher:matcher", "Train a matcher of concerns: an adapter of an encoder."),
    "probe": (f"{_HERE}probe:probe", "Score the checkpoints of a run on a small sample."),
    "sweep": (f"{_HERE}sweep:sweep", "Write variants of a config, and collect their results."),
    "generate": (f"{_HERE}generate:generate", "Let a trained model review a split."),
    "merge": (f"{_HERE}merge:merge", "Write weights with adapters merged into them."),
    "card": (f"{_HERE}card:card", "Fill a submission card and a model card."),
    "push": (f"{_HERE}push:push", "Upload an adapter or model to the Hub."),
    "qa-data": (f"{_HERE}qa_data:qa_data", "Make questions with ground truth from tables."),
    "evaluate-qa": (f"{_HERE}evaluate_qa:evaluate_qa", "Score answers and their calibration."),
    "slurm": (f"{_HERE}slurm:slurm", "Render, and submit, a SLURM job."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, short_help="Train a reviewer: corpora, SFT, DPO, GRPO, generation.")
def train() -> None:
    """Train a reviewer, let it review, and submit what it wrote."""
