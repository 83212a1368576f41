"""`bench ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import inputs, options

from .postprocess import output_option

if TYPE_CHECKING:
    from ..derived.ensemble import Linkage, MergedArticle


@click.command()
@click.argument("predictions", nargs=-1, required=True, metavar="A B [C...]")
@output_option
@click.option(
    "--strategy",
    default="union",
    show_default=True,
    metavar="union|intersection|vote:N",
    help="Keep clusters of any system, of every system, or of at least N.",
)
@click.option(
    "--linkage",
    type=click.Choice(["complete", "single"]),
    default="complete",
    show_default=True,
    help="single chains (the published recipe); complete does not.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=0.98,
    show_default=True,
    help="Cosine from which concerns say the same.",
)
@options.contract_option("Whose encoder measures similarity.", default="v3")
@options.encoder_path_option
@options.quiet_option
def ensemble(
    predictions: tuple[str, ...],
    output: Path,
    strategy: str,
    linkage: Linkage,
    threshold: float,
    contract_name: str,
    encoder_path: Path | None,
    quiet: bool,
) -> None:
    """Merge the concerns of several systems, article by article.

    A, B, C ... are predictions files, or demo:NAME; OUT is a new predictions file.

    Concerns are clustered by the cosine of their embeddings. A cluster is represented by the longest text of A,
    else by its longest; the order is that of first occurrence. Failed rows contribute nothing. The overlap printed
    is the share of clusters with concerns of several systems.

    \b
    Examples:
      bench ensemble runs/a/predictions.jsonl runs/b/predictions.jsonl -o runs/ab/predictions.jsonl
      bench ensemble A.jsonl B.jsonl C.jsonl -o abc/predictions.jsonl --strategy vote:2 --linkage single
      bench ensemble demo:careful demo:gaps -o out/predictions.jsonl --threshold 0.8 --contract demo

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 encoder unavailable, 6 cannot write.
    """
    from bioreview_bench.contracts.contract import Contract

    from ..derived.ensemble import merge_systems, votes_needed
    from ..derived.files import (
        destination,
        empty_manifest,
        evaluate_command,
        read_source,
        run_beside,
        write_derived,
    )
    from ..derived.postprocess import similarity_under

    sources = [inputs.predictions_path(given) for given in predictions]
    _check_distinct(sources)
    needed = votes_needed(strategy, len(sources))
    with destination(output, sources):
        systems, named, manifests = [], [], []
        for source in sources:
            rows, name = read_source(source)
            beside = run_beside(source)
            systems.append(rows)
            manifests.append(beside)
            named.append({**name, "name": beside.get("name"), "postprocessing": beside.get("postprocessing")})
        contract = Contract.load(contract_name)
        with options.Messages(quiet) as messages:
            every = (row for rows in systems for row in rows)
            similarity, encoder = similarity_under(contract, encoder_path, every, messages.encoding)
        merged = merge_systems(systems, similarity, needed=needed, linkage=linkage, threshold=threshold)
        label = f"ensemble-{strategy}-{linkage}:{threshold!r}:{contract.official_name}"
        parameters = {"strategy": strategy, "linkage": linkage, "threshold": threshold, "encoder": encoder}
        manifest = empty_manifest("ensemble", {"model": "ensemble", "provider": "local", "parameters": parameters})
        n_clusters = sum(article.n_clusters for article in merged)
        n_shared = sum(article.n_shared for article in merged)
        manifest |= {
            "postprocessing": label,
            "derived_from": named,
            "clusters": {"n": n_clusters, "shared": n_shared},
        }
        write_derived(output, [article.row for article in merged], manifest)
    _summary(output, merged, label, n_clusters, n_shared)
    click.echo(f"Next: {evaluate_command(output, predictions, manifests)}")


def _check_distinct(sources: Sequence[Path]) -> None:
    from bioreview_bench.errors import InputError

    if len(sources) < 2:
        raise InputError("An ensemble needs two systems or more.", remedy="bench ensemble A.jsonl B.jsonl -o OUT")
    if len({source.resolve() for source in sources}) < len(sources):
        raise InputError("A file is named twice; its system would vote twice.", remedy="name every file once")


def _summary(output: Path, merged: Sequence[MergedArticle], label: str, n_clusters: int, n_shared: int) -> None:
    kept = sum(len(article.row["concerns"]) for article in merged)
    overlap = f"{n_shared / n_clusters:.3f}" if n_clusters else "—"
    click.echo(f"{output}: {kept:,} concerns for {len(merged):,} articles ({label}).")
    click.echo(f"  overlap {overlap}: {n_shared:,} of {n_clusters:,} clusters come from two systems or more")
