"""`bench data download`: released versions and the public index, from the Hub."""

from __future__ import annotations

import click

from bioreview_bench.cli import options


@click.command()
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
    from bioreview_bench.data.released.download import download_release

    with options.Messages(quiet=False) as messages:
        folder = download_release(version, repo, revision, messages.downloading)
    click.echo(f"{version} is in {folder}.")
    if version != "index":
        click.echo(f"Next: bench data info --data {version}")
