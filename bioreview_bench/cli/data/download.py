"""`bench data download`: released versions, the public index, and any data set of the Hub."""

from __future__ import annotations

from pathlib import Path

import click

from bioreview_bench.cli import options


@click.command()
@click.argument("what", metavar="WHAT")
@click.option(
    "--repo", metavar="OWNER/NAME", help="Repository of v3, v4, index or annotations. Default: the manifest's."
)
@click.option("--revision", metavar="REV", help="Commit, tag or branch. Default: the manifest's, else main.")
@click.option("--config", metavar="NAME", help="Configuration of the repository: default, elife, plos, ...")
@options.output_option("Default: the cache of bench.", "FOLDER")
@click.option("--quiet", is_flag=True, help="No progress.")
def download(
    what: str, repo: str | None, revision: str | None, config: str | None, out: Path | None, quiet: bool
) -> None:
    """Download WHAT from the Hugging Face Hub.

    WHAT is a released version (v3, v4), the public index or annotations (ids and labels without texts), or any data
    set, OWNER/NAME@REVISION: JSON Lines or Parquet, in shards or whole. The token is the one that huggingface_hub
    finds (HF_TOKEN, or `hf auth login`). A released version must agree with its manifest, or nothing is kept. No
    public full-text v3 exists: name a repository that you may read, or use files that you have with --data v3=FOLDER.

    The revision is resolved to a commit, which is recorded beside the files, with their checksums, in origin.json.
    After an interruption the same command goes on: files that arrived are kept.

    \b
    Examples:
      bench data download v3 --repo my-lab/bioreview-v3 --revision 1f2e3d4
      bench data download index
      bench data download my-lab/reviews@v1.0 --config elife -o reviews
    """
    from bioreview_bench.data.released import download as downloads
    from bioreview_bench.data.released.layouts import INDEX

    asked = downloads.wanted(what, repo, revision, config)
    with options.Messages(quiet) as messages:
        done = downloads.download(asked, out, messages.downloading)
    click.echo(f"{asked.name} is in {done.folder} ({done.repo} at {done.commit[:12]}).")
    if asked.version is not None and out is None:
        click.echo(f"Next: bench data info --data {asked.version}")
    elif asked.name == INDEX:
        counts = downloads.record_index(done)
        if counts:
            listed = ", ".join(f"{n:,} {split}" for split, n in counts.items())
            click.echo(f"Recorded which articles v4 has ({listed}): bench data verify --data v4=FOLDER compares them.")
        else:
            click.echo("This is not the index of v4, so its ids were not recorded as those of v4.")
    elif asked.config != "annotations":
        version = f"{asked.version}=" if asked.version else ""
        click.echo(f"Next: bench data lint {done.folder}, then --data {version}{done.folder}")
