"""`bench train qa-data`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

_FILE = click.Path(path_type=Path)


@click.command("qa-data")
@click.option("-o", "--output", required=True, type=_FILE, metavar="DIR", help="The folder to write.")
@click.option("--seed", type=int, default=42, show_default=True, help="Decides the order of training rows.")
@click.option(
    "--drill", type=click.IntRange(0, 100), default=0, show_default=True, metavar="N",
    help="Repeat each key fact N more times, in supervised training rows only.",
)  # fmt: skip
@click.option(
    "--hold-out", "held_out", multiple=True, metavar="TISSUE", help="Evaluate on this tissue and train on none of it."
)
@click.option(
    "--gsea", multiple=True, type=_FILE, metavar="CSV", help="Enrichment: pathway, tissue, mission, NES, padj."
)
@click.option("--sft", multiple=True, type=_FILE, metavar="JSON", help='Further training rows: a list of {"text"}.')
@click.option("--pairs", type=_FILE, metavar="JSON", help='Preference pairs: {"prompt", "chosen", "rejected"}.')
@click.option("--model", metavar="MODEL", help="Count tokens by the model to be trained; default: an estimate.")
@click.option("--chat-template", metavar="NAME|FILE", help="With --model: in place of its own. instruction, or a file.")
@click.option("--keep-out", multiple=True, type=_FILE, metavar="FILE", help="Questions that training must not hold.")
@options.format_option("text", "json")
def qa_data(
    output: Path,
    gsea: tuple[Path, ...],
    sft: tuple[Path, ...],
    pairs: Path | None,
    keep_out: tuple[Path, ...],
    model: str | None,
    chat_template: str | None,
    form: str,
    **division: Any,
) -> None:
    """Make questions, answers and ground truth from tables: a corpus for bench train sft (train.jsonl,
    val.jsonl, corpus.json), grpo.jsonl, eval.jsonl, with --pairs pairs.jsonl (DPO), and manifest.json.

    Items are made of the bundled kaempferol tables and of any --gsea table: factual, interaction, chain-of-thought,
    multi-hop, comparison, calibration, error-correction and direction. One wording of each fact, and everything of a
    held-out tissue, is for evaluation. Training and evaluation share no question; otherwise nothing is written.

    \b
    Examples:
      bench train qa-data -o data/kmp
      bench train qa-data -o data/kmp --drill 4 --hold-out hippocampus --pairs kmp_dpo_preferences.json
      bench train qa-data -o data/eye --gsea fgsea.csv --hold-out eye
      bench train qa-data -o data/kmp --model mistralai/Mistral-7B-v0.3 --chat-template instruction
      bench train qa-data -o data/kmp --sft kmp_sft_final.json --keep-out kmp_test_set.json

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model unavailable, 4 training and evaluation overlap, 6 cannot write.
    """
    from bioreview_bench.errors import InputError

    from ..corpora.rows import Lengths, load_chat
    from ..qa.items.build import build, write
    from ..qa.items.given import questions_in, read_pairs, read_sft
    from ..qa.items.gsea import read_findings

    if chat_template is not None and model is None:
        raise InputError("A chat template belongs to a model.", remedy="add --model MODEL")
    read = [read_sft(path) for path in sft]
    built = build(
        findings=[finding for path in gsea for finding in read_findings(path)],
        sft=[row for rows, _ in read for row in rows],
        pairs=read_pairs(pairs) if pairs else (),
        keep_out=[question for path in keep_out for question in questions_in(path)],
        lengths=None if model is None else Lengths.of_chat(load_chat(model, chat_template), model),
        **division,
    )
    write(built, output)
    if form == "json":
        options.show_json(built.manifest)
        return
    for name, facts in built.manifest["files"].items():
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in built.manifest["types"][name].items())
        click.echo(f"{output / name}: {facts['rows']:,} rows ({kinds})")
    for duplicates in (n for _, n in read if n):
        click.echo(f"  {duplicates:,} exact duplicates of given rows left out")
    for reason, words in (("kept_out", "asked in evaluation"), ("naming_held_out", "naming a held-out tissue")):
        counts = {kind: n for kind, n in built.manifest[reason].items() if n}
        if counts:
            click.echo(f"  left out, {words}: {', '.join(f'{n:,} {kind}' for kind, n in counts.items())}")
    click.echo("Training and evaluation share no question.")
    lengths = built.manifest["lengths"]
    longest = lengths["train"]["total"]["p100"]
    click.echo(
        f"Corpus {built.manifest['corpus']}: at most {longest:,} tokens an example (counted by {lengths['counted_by']})"
    )
    click.echo(f"Next: bench train sft kmp_mistral7b --corpus {shlex.quote(str(output))} --dry-run")
