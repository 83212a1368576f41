"""`bench data export`, `public` and `push`: a data set for others."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    from bioreview_bench.data.folder import StoredArticles

_held_out = click.option(
    "--held-out", default="test", show_default=True, metavar="SPLIT,...", help="Splits whose references are kept back."
)


@click.command()
@click.argument("data")
@options.path_option("-o", "--output", metavar="FOLDER", text="Folder to make. Default: NAME-release.")
@click.option("--name", metavar="TEXT", help="What the data set is called. Default: the folder's name.")
@click.option(
    "--withhold", is_flag=True, help="Leave reviews of held-out splits out of every file, for a public repository."
)
@_held_out
@click.option(
    "--as",
    "form",
    type=click.Choice(["parquet", "jsonl", "both"]),
    default="parquet",
    show_default=True,
    help="In which form every configuration is written.",
)
def export(data: str, output: Path | None, name: str | None, withhold: bool, held_out: str, form: str) -> None:
    """Write DATA as a folder that can be uploaded and read by `load_dataset`.

    Configurations: default (everything), benchmark (held-out articles without their reviews), concerns (one row a
    concern) and one for each source. With them a data set card from real statistics, Croissant metadata, eval.yaml
    and checksums.

    \b
    Examples:
      bench data export my/folder -o release --name "My reviews"
      bench data export my/folder -o public --withhold --as both
    """
    from bioreview_bench.curation.release.export import export as write_release

    splits = _splits(data)
    called = name or (Path(data).resolve().name if Path(data).exists() else data)
    folder = output or Path(f"{called}-release")
    manifest = write_release(splits, folder, called, _names(held_out), withhold=withhold, form=form)
    for split, facts in manifest["splits"].items():
        click.echo(f"{split}: {facts['articles']:,} articles, fingerprint {facts['fingerprint']}.")
    click.echo(f"{folder} has the configurations {', '.join(manifest['configurations'])}.")
    click.echo(f"Next: bench data push {shlex.quote(str(folder))} --repo OWNER/NAME --private --dry-run")


@click.command()
@click.argument("data")
@options.path_option("-o", "--output", metavar="FOLDER", text="Folder to make. Default: NAME-public.")
@_held_out
def public(data: str, output: Path | None, held_out: str) -> None:
    """Write what anybody may have of DATA: ids and labels, no texts.

    data/index has the ids of every split, data/annotations the labels of splits that are not held out. Fields are
    chosen by whitelist, and all that is written is scanned for texts first.

    \b
    Examples:
      bench data public my/folder -o public
    """
    from bioreview_bench.curation.release.public import write_public

    called = Path(data).resolve().name if Path(data).exists() else data
    folder = output or Path(f"{called}-public")
    for path, n in write_public(_splits(data), folder, _names(held_out)).items():
        click.echo(f"{folder / path}: {n:,} rows.")
    click.echo(f"Next: bench data push {shlex.quote(str(folder))} --repo OWNER/NAME --public --dry-run")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--repo", required=True, metavar="OWNER/NAME", help="Data set repository; made where there is none.")
@click.option("--private/--public", default=True, show_default=True, help="What a new repository is.")
@click.option("--dry-run", is_flag=True, help="Say what would be uploaded, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def push(folder: Path, repo: str, private: bool, dry_run: bool, yes: bool) -> None:
    """Upload a FOLDER that `bench data export` or `public` made to the Hugging Face Hub, in one commit.

    Checksums are verified first. References of a held-out split go to a private repository only. The token is that
    which huggingface_hub finds (HF_TOKEN, or `hf auth login`).

    \b
    Examples:
      bench data push release --repo my-lab/reviews --private --dry-run
      bench data push public --repo my-lab/reviews-index --public --yes
    """
    from bioreview_bench.curation.release.push import plan_upload, push_data

    upload = plan_upload(folder, repo, private=private)
    total = sum(size for _, size in upload.files)
    for path, size in upload.files:
        click.echo(f"  {path}  {size:,} bytes", err=True)
    kind = "private" if private else "public"
    click.echo(f"{len(upload.files)} files, {total:,} bytes, to {repo} ({kind}).", err=True)
    if dry_run:
        return
    if not yes:
        options.require_yes("Upload?", "Nothing was uploaded: it takes a yes.")
    with options.Messages(quiet=False) as messages:
        click.echo(push_data(upload, messages.say))


def _splits(data: str) -> dict[str, StoredArticles]:
    from bioreview_bench.data.load import stored_by_split

    splits = stored_by_split(data)
    others = sorted(splits.keys() - {"train", "val", "test"})
    if others:
        raise InputError(
            f"A release has train, val and test; these articles are {', '.join(others)}.",
            remedy=f"bench data split {shlex.quote(data)} -o FOLDER --ratio .7,.15,.15",
        )
    return splits


def _names(text: str) -> frozenset[str]:
    from bioreview_bench.data.folder import ALL, canonical_split

    names = frozenset(canonical_split(part.strip()) for part in text.split(",") if part.strip())
    if ALL in names:
        raise InputError("A held-out split is train, val or test.", remedy="--held-out test")
    return names
