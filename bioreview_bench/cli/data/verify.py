"""`bench data verify`: released data against their manifest."""

from __future__ import annotations

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError


@click.command()
@options.data_option
@click.option(
    "--pin",
    is_flag=True,
    help="Record files and articles (sha256, ids, digests): from now on contents are verified, not only counts.",
)
def verify(data: str, pin: bool) -> None:
    """Verify released data against their manifest.

    A split is frozen when it has the released articles and they say what they said. With --pin, that is recorded on
    this machine: the sha256 of each file, and the id and digest of each article, by which other files with the same
    articles are recognised, too.

    \b
    Examples:
      bench data verify --data v3
      bench data verify --data v3=/my/files --pin
    """
    from bioreview_bench.data.folder import SPLITS, data_files
    from bioreview_bench.data.load import load_every_split, load_split, locate
    from bioreview_bench.data.released import manifest as manifests
    from bioreview_bench.data.released.members import digests

    version, folder = locate(data)
    if version not in manifests.RELEASED:
        raise InputError(
            f"{data} is not a released version, so there is nothing to verify it against.",
            remedy="bench data verify --data v3=FOLDER",
        )
    manifest, found = manifests.load_manifest(version), load_every_split(data)
    for split in found:
        known = manifests.known_members(manifest, split.name) is not None
        ids = "ids as released" if known else "which ids were released is not known here"
        click.echo(f"{split.label}: {len(split):,} articles, verified by {split.verification}, {ids}.")
    if pin:
        splits = {name: digests(load_split(data, name)) for name in SPLITS}
        path = manifests.pin(manifest, data_files(folder), splits)
        n_articles = sum(len(members) for members in splits.values())
        click.echo(f"Recorded the sha256 of {len(data_files(folder))} files and {n_articles:,} articles in {path}.")
