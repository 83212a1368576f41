"""`bench data verify`: released data against their manifest."""

from __future__ import annotations

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError


@click.command()
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
    from bioreview_bench.data.folder import data_files
    from bioreview_bench.data.load import load_every_split, locate
    from bioreview_bench.data.released import manifest as manifests

    version, folder = locate(data)
    if version not in manifests.RELEASED:
        raise InputError(
            f"{data} is not a released version, so there is nothing to verify it against.",
            remedy="bench data verify --data v3=FOLDER",
        )
    for split in load_every_split(data):
        click.echo(f"{split.label}: {len(split):,} articles, verified by {split.verification}.")
    if pin:
        path = manifests.pin(manifests.load_manifest(version), data_files(folder))
        click.echo(f"Recorded the sha256 of {len(data_files(folder))} files in {path}.")
