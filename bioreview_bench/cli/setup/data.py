"""`bench data`: get, describe and verify articles."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    from bioreview_bench.data.split import Split


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def data() -> None:
    """Get, describe and verify articles."""


@data.command()
@click.argument("version", type=click.Choice(["v3", "v4", "index"]))
@click.option("--repo", metavar="OWNER/NAME", help="Dataset repository on the Hub. Default: the manifest's.")
@click.option("--revision", metavar="REV", help="Commit, tag or branch. Default: the manifest's.")
def download(version: str, repo: str | None, revision: str | None) -> None:
    """Download a released version, or the public index of articles.

    They come from the Hugging Face Hub, with the token that huggingface_hub finds (HF_TOKEN, or `hf auth login`). No
    public full-text v3 exists: name a repository that you may read, or use files that you have with --data v3=FOLDER.

    \b
    Examples:
      bench data download v3 --repo my-lab/bioreview-v3 --revision 1f2e3d4
      bench data download index
    """
    from bioreview_bench.data.download import download_release

    with options.Messages(quiet=False) as messages:
        folder = download_release(version, repo, revision, messages.downloading)
    click.echo(f"{version} is in {folder}.")
    if version != "index":
        click.echo(f"Next: bench data info --data {version}")


@data.command()
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
    found = [_describe(split) for split in _splits(data, allow_unfrozen)]
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


@data.command()
@options.data_option
@click.option(
    "--pin", is_flag=True, help="Record the sha256 of the files: from now on contents are verified, not only counts."
)
def verify(data: str, pin: bool) -> None:
    """Verify released data against their manifest.

    With --pin, record the checksums.
    \b
    Examples:
      bench data verify --data v3
      bench data verify --data v3=/my/files --pin
    """
    from bioreview_bench.data import manifest as manifests
    from bioreview_bench.data.folder import data_files
    from bioreview_bench.data.load import locate

    version, folder = locate(data)
    if version not in manifests.RELEASED:
        raise InputError(
            f"{data} is not a released version, so there is nothing to verify it against.",
            remedy="bench data verify --data v3=FOLDER",
        )
    for split in _splits(data, allow_unfrozen=False):
        click.echo(f"{split.label}: {len(split):,} articles, verified by {split.verification}.")
    if pin:
        path = manifests.pin(manifests.load_manifest(version), data_files(folder))
        click.echo(f"Recorded the sha256 of {len(data_files(folder))} files in {path}.")


_COUNTS = ("n_articles", "n_usable", "n_references", "n_figure")


def _splits(data: str, allow_unfrozen: bool) -> list[Split]:
    """Every split of the data that there is. Raises DataError when there is none, or when one is not as released."""
    from bioreview_bench.data.folder import ALL, SPLITS, data_files, split_file
    from bioreview_bench.data.load import load_split, locate

    _, folder = locate(data)
    if (folder / "articles.jsonl").is_file():
        return [load_split(data, ALL, allow_unfrozen=allow_unfrozen)]
    present = [split for split in SPLITS if folder.is_dir() and split_file(folder, split)]
    return [
        load_split(data, split, allow_unfrozen=allow_unfrozen)
        for split in present or [ALL if not data_files(folder) else ""]
    ]


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
        "references_by_category": dict(Counter(concern.category for concern in concerns if not concern.figure)),
    }
