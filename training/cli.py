"""`bench train`: from the frozen splits to a submitted model."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.training."

_COMMANDS: dict[str, tuple[str, str]] = {}


@click.group(cls=LazyGroup, table=_COMMANDS, short_help="Train a reviewer: corpora, SFT, DPO, GRPO, generation.")
def train() -> None:
    """Train a reviewer, let it review, and submit what it wrote."""
