"""`bench train`: from the frozen splits to a submitted model."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.training."

_COMMANDS: dict[str, tuple[str, str]] = {
    "corpus": (f"{_HERE}cli_corpus:corpus", "Make a corpus from the frozen splits."),
    "sft": (f"{_HERE}cli_sft:sft", "Train an adapter (QLoRA) on a corpus."),
    "dpo": (f"{_HERE}cli_dpo:dpo", "Train an adapter on preference pairs."),
    "matcher": (f"{_HERE}matcher.cli:matcher", "Train a matcher of concerns: an adapter of an encoder."),
    "grpo": (f"{_HERE}cli_grpo:grpo", "Train an adapter by rewards of its own samples."),
    "pairs": (f"{_HERE}cli_pairs:pairs", "Make preference pairs of samples by their rewards."),
    "probe": (f"{_HERE}cli_probe:probe", "Score the checkpoints of a run on a small sample."),
    "sweep": (f"{_HERE}cli_sweep:sweep", "Write variants of a config, and collect their results."),
    "generate": (f"{_HERE}cli_generate:generate", "Let a trained model review a split."),
    "merge": (f"{_HERE}cli_merge:merge", "Write weights with adapters merged into them."),
    "card": (f"{_HERE}cli_card:card", "Fill a submission card and a model card."),
    "push": (f"{_HERE}cli_push:push", "Upload an adapter or model to the Hub."),
    "qa-data": (f"{_HERE}cli_qa_data:qa_data", "Make questions with ground truth from tables."),
    "evaluate-qa": (f"{_HERE}cli_evaluate_qa:evaluate_qa", "Score answers and their calibration."),
    "slurm": (f"{_HERE}cli_slurm:slurm", "Render, and submit, a SLURM job."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, short_help="Train a reviewer: corpora, SFT, DPO, GRPO, generation.")
def train() -> None:
    """Train a reviewer, let it review, and submit what it wrote."""
