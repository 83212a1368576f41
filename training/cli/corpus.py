"""`bench train corpus`: articles of the frozen splits as examples to learn from."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

_CUTS = ("papers", "papers_cut", "tokens_cut", "papers_shortened_for_target", "targets_cut")


@click.command()
@options.data_option
@click.option("--recipe", required=True, metavar="A|B|FILE", help="Which concerns of which articles enter.")
@options.output_option("A new folder.", required=True)
@click.option(
    "--model", metavar="MODEL", help="The model to be trained: its tokenizer counts, its template is checked."
)
@click.option(
    "--prompt",
    metavar="ID|FILE",
    help="As for bench baseline. Default: published-9b; objects-v1 where the recipe's answers state a confidence.",
)
@click.option(
    "--system",
    type=click.Choice(["own", "in_user"]),
    default="own",
    show_default=True,
    help="Where the prompt's system part goes; in_user for templates that take none (Gemma).",
)
@click.option(
    "--counter", metavar="NAME", help="chars3 (default of A and B, as published), model (of other recipes), tiktoken."
)
@click.option("--budget", type=click.IntRange(min=1), default=15_000, show_default=True, help="Tokens of paper.")
@click.option(
    "--max-length",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokens of prompt and target together; a paper that would exceed it is cut more. Default with --model: 16384.",
)
@click.option("--thinking", is_flag=True, help="Targets begin with an empty thought; generation must then think too.")
@click.option("--chat-template", metavar="NAME|FILE", help="In place of the model's own: instruction, or a Jinja file.")
@click.option(
    "--held-out",
    "held_out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Article ids or DOIs, one a line, that may not enter, nor other versions of them; besides the test split.",
)
@click.option("--drop-held-out", is_flag=True, help="Leave such articles out, and count them, instead of stopping.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "sharegpt"]),
    default="messages",
    show_default=True,
    help="messages is what bench train sft reads, sharegpt what other trainers do.",
)
@options.limit_option
@options.allow_unfrozen_option
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@options.quiet_option
def corpus(out: Path, as_json: bool, quiet: bool, **given: Any) -> None:
    """Write the corpus of a recipe into DIR: train.jsonl, val.jsonl, and corpus.json, which says how it was made.

    Prompts are those that bench baseline sends. Recipe A takes every concern that needs no figure, B those of high
    confidence in articles that have three. Papers are cut to fit, targets never. A test article, or another version
    of one, is an error.

    \b
    Examples:
      bench train corpus --recipe A --model ORG/MODEL -o corpora/a
      bench train corpus --recipe B --counter chars3 --data v3=/my/files -o corpora/b
      bench train corpus --recipe mine.toml --model ORG/MODEL --data demo -o corpora/demo

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model unavailable, 4 data missing or held out, 6 cannot write.
    """
    from ..corpora.make import CorpusSettings, make_corpus

    manifest, checked = make_corpus(CorpusSettings(**given), out, quiet=quiet)
    if as_json:
        options.show_json(manifest)
        return
    _report(out, manifest, checked)


def _report(out: Path, manifest: Mapping[str, Any], checked: str | None) -> None:
    from bioreview_bench.report.blocks import Facts, Table
    from bioreview_bench.report.terminal import print_blocks

    from ..corpora.files import SPLITS, corpus_fingerprint

    data = manifest["data"]
    facts = [
        ("corpus", f"{out}, fingerprint {corpus_fingerprint(manifest['files'])}"),
        (
            "data",
            ", ".join(f"{data['label']}/{s}#{data['fingerprint'][s]} ({data['verification'][s]})" for s in SPLITS),
        ),
        ("prompt", f"{manifest['prompt']['id']}, sha256 {manifest['prompt']['sha256'][:12]}"),
        ("counted by", f"{manifest['counter']['name']}, {manifest['budget']:,} tokens of paper"),
    ]
    if checked is not None:
        facts.append(("checked", checked))
    tables = [
        Table(
            f"Recipe {manifest['recipe']['name']}",
            ["filter", *SPLITS],
            _counts(manifest["filters"], manifest["filters"]["train"]),
        ),
        Table("Papers cut", ["", *SPLITS], _counts(manifest["truncation"], _CUTS)),
        Table(
            f"Lengths in tokens ({manifest['lengths']['counted_by']})",
            ["", *(f"{split} {p}" for split in SPLITS for p in ("p50", "p95", "p100"))],
            [
                [part, *(f"{manifest['lengths'][s][part][p]:,}" for s in SPLITS for p in ("p50", "p95", "p100"))]
                for part in ("prompt", "target", "total")
            ],
        ),
    ]
    print_blocks([Facts(facts), *tables], sys.stdout)
    for line in _remarks(manifest):
        click.echo(line)
    if manifest["format"] == "messages":
        from ..config.files import config_words

        words = [*config_words(manifest["model"]), "--corpus", str(out)]
        click.echo(f"Next: bench train sft {shlex.join(words)} --dry-run")


def _counts(by_split: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> list[list[str]]:
    return [[name.replace("_", " "), *(f"{counts[name]:,}" for counts in by_split.values())] for name in names]


def _remarks(manifest: Mapping[str, Any]) -> list[str]:
    remarks = []
    shared = manifest["data"]["families_in_train_and_val"]
    if shared:
        remarks.append(f"{shared:,} manuscripts are in both train and val (in other versions): val is not independent.")
    fitting = [cuts["fits_budget"] for cuts in manifest["truncation"].values()]
    budgets = [budget for budget in fitting if budget is not None]
    if budgets:
        remarks.append(
            f"Papers were shortened below the budget to make room for targets; --budget {min(budgets)} would treat all "
            "alike, and generation with that budget would then cut as training does."
        )
    return remarks
