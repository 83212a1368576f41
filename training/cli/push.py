"""`bench train push`: an adapter or merged model goes to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

import click

from bioreview_bench.cli import options


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--repo", required=True, metavar="OWNER/NAME", help="Made where there is none.")
@click.option("--private", is_flag=True, help="Make it private; a repository that is public already is refused.")
@click.option("--dry-run", is_flag=True, help="List the files; send nothing.")
@options.quiet_option
def push(folder: Path, repo: str, private: bool, dry_run: bool, quiet: bool) -> None:
    """Upload DIR, a training run, its adapter or a merged model, with its cards: weights, tokenizer, configs, cards and
    records. Checkpoints, logs and predictions stay here.

    A token is taken from where huggingface_hub looks (HF_TOKEN, or `hf auth login`).

    \b
    Examples:
      bench train push runs/sft-a --repo my-lab/reviewer-8b --dry-run
      bench train push merged/sft-a --repo my-lab/reviewer-8b-merged --private

    \b
    Exit codes: 0 done, 2 bad input or usage, 4 no card, 5 the Hub refused or cannot be reached.
    """
    from bioreview_bench.cli.options import Messages
    from bioreview_bench.errors import printable

    from ..models.adapters import resolved
    from ..publish import push as pushing

    planned = pushing.plan(Path(resolved(str(folder))), repo, private=private)
    messages = Messages(quiet)
    for place in pushing.own_paths(planned.folder):
        messages.say(f"It names a folder of this machine: {printable(place)}")
    if dry_run:
        click.echo(f"{planned.folder} to {repo} ({'private' if private else 'public'}):")
        for name, size in planned.files:
            click.echo(f"  {size:>15,}  {name}")
        if planned.left:
            click.echo(f"Stays here: {printable(', '.join(planned.left), 1000)}")
        click.echo("Nothing was sent.")
        return
    url = pushing.push(planned, messages.say)
    click.echo(f"{len(planned.files)} files are in {repo}: {url}")
