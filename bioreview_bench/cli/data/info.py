"""`bench data info`: articles, references and fingerprints of a data set."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from bioreview_bench.data.split import Split


@click.command()
@options.data_option
@options.allow_unfrozen_option
@options.format_option("text", "json")
def info(data: str, allow_unfrozen: bool, form: str) -> None:
    """Describe a data set: articles, references, fingerprints.

    The output also says how far the name of the data set is verified.

    \b
    Examples:
      bench data info --data demo
      bench data info --data v3=/my/files --format json
    """
    from bioreview_bench.data.folder import SPLITS
    from bioreview_bench.data.load import load_every_split, load_split, stored_by_split

    splits = load_every_split(data, allow_unfrozen=allow_unfrozen)
    if len(splits) == 1:  # one file, whose splits are named beside it
        named = stored_by_split(data)
        parts = [load_split(data, name, allow_unfrozen=allow_unfrozen) for name in SPLITS if name in named]
        splits = parts if sum(map(len, parts)) == len(splits[0]) else [*parts, *splits]
    found = [_describe(split) for split in splits]
    if form == "json":
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import Table

    header = ["split", "fingerprint", "verified by", "articles", "with refs", "references", "figure only"]
    rows = [
        [row["split"], row["fingerprint"], row["verification"], *(f"{row[name]:,}" for name in _COUNTS)]
        for row in found
    ]
    tables = [Table(f"Data {data}", header, rows)]
    for title, field in (
        ("Articles by source", "articles_by_source"),
        ("References by category", "references_by_category"),
    ):
        labels = sorted({label for row in found for label in row[field]})
        counts = [[label, *(f"{row[field].get(label, 0):,}" for row in found)] for label in labels]
        tables.append(Table(title, [title.rpartition(" ")[2], *(row["split"] for row in found)], counts))
    options.show(tables)


_UNLABELLED = "unlabelled"  # references without a category
_COUNTS = ("n_articles", "n_usable", "n_references", "n_figure")


def _describe(split: Split) -> dict[str, Any]:
    concerns = [concern for article in split for concern in article.concerns]
    return {
        "data": split.data,
        "split": split.name,
        "fingerprint": split.fingerprint,
        "verification": split.verification,
        "held_out": split.held_out,
        "n_articles": len(split),
        "n_usable": sum(any(not concern.figure for concern in article.concerns) for article in split),
        "n_references": sum(not concern.figure for concern in concerns),
        "n_figure": sum(concern.figure for concern in concerns),
        "articles_by_source": dict(Counter(article.source for article in split)),
        "references_by_category": dict(
            Counter(concern.category or _UNLABELLED for concern in concerns if not concern.figure)
        ),
    }
