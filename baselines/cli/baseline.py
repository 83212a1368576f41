"""`bench baseline`: runs reviewers, and looks after their runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from bioreview_bench.cli import options

from .run import RUN, run_reviewer

_folder = click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))


class ReviewerGroup(click.Group):
    """A group in which any word that is no subcommand is the name of a reviewer to run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A subcommand, or the hidden command that runs the reviewer NAME."""
        if args and args[0] not in self.commands:
            return RUN, run_reviewer, args
        return super().resolve_command(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What may follow `bench baseline`."""
        return ["NAME [OPTIONS]...", "| COMMAND [ARGS]..."]


@click.group(cls=ReviewerGroup)
def baseline() -> None:
    """Run a reviewer, NAME, over articles; or look after its run.

    \b
    Run, and resume, by the same command:
      bench baseline bm25 --data demo
      bench baseline gpt-4o-mini --dry-run
      bench baseline gpt-4o-mini --max-cost 5
      bench baseline gpt-4o-mini --split val --batch
      bench baseline openai:MODEL --base-url https://HOST/v1 --key-variable HOST_KEY
      bench baseline vllm:ORG/MODEL --tensor-parallel 2 --adapter adapters/mine
      bench baseline hf:ORG/MODEL --limit 20
      bench baseline NAME --help          all options of a run
    Then:
      bench baseline status runs/bm25-test
      bench evaluate runs/bm25-test --data demo
    """


@baseline.command("list")
@options.format_option("text", "json")
def list_reviewers(form: str) -> None:
    """Show every NAME and what it still needs here.

    \b
    Examples:
      bench baseline list
    """
    from .. import registry

    entries = registry.every()
    if form == "json":
        shown = [
            {
                "name": entry.name,
                "summary": entry.summary,
                "key_variable": entry.key_variable,
                "options": sorted(option.replace("_", "-") for option in entry.accepts),
                "missing": entry.missing(),
            }
            for entry in entries
        ]
        options.show_json(shown)
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        missing = entry.missing()
        click.echo(f"{entry.name:<{width}}  {entry.summary}")
        click.echo(f"{'':<{width}}  {'needs ' + '; '.join(missing) if missing else 'ready'}")


@baseline.command()
def prices() -> None:
    """Print the known prices, with date and source, as a file to edit.

    \b
    Example:
      bench baseline prices > prices.toml
    """
    from bioreview_bench.llm.calls.prices import shipped_text

    click.echo(shipped_text(), nl=False)


@baseline.command()
@_folder
@options.format_option("text", "json")
def status(folder: Path, form: str) -> None:
    """Show how far RUN is, what it cost, and the next command. Also while it goes on.

    \b
    Examples:
      bench baseline status runs/bm25-test
    """
    from bioreview_bench.llm.run.store import read_run

    from . import report as run_report

    facts = run_report.facts(folder, *read_run(folder))
    if form == "json":
        options.show_json(facts)
        return
    for line in run_report.lines(facts):
        click.echo(line)


@baseline.command()
@_folder
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(["error", "refused", "parse_failed", "truncated", "empty"]),
    default=("error", "refused", "parse_failed"),
    show_default=True,
    help="Which rows to ask for again; may be repeated.",
)
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Papers under review at once.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Stop before the run costs more in all. Default: as in the run.",
)
@click.option(
    "--prices", type=click.Path(path_type=Path), metavar="FILE", help="What tokens cost. Default: as in the run."
)
@click.option(
    "--batch/--no-batch", default=None, help="Ask again in a batch, or by single calls. Default: as in the run."
)
@options.quiet_option
def retry(
    folder: Path,
    statuses: tuple[str, ...],
    concurrency: int | None,
    max_cost: float | None,
    prices: Path | None,
    batch: bool | None,
    quiet: bool,
) -> None:
    """Ask again for the articles of RUN that have no answer.

    These are rows that failed and articles without a row. The old rows move to superseded.jsonl; their cost stays
    counted.

    \b
    Example:
      bench baseline retry runs/gpt-4o-mini
    """
    from bioreview_bench.llm.run.store import read_run
    from bioreview_bench.results.run_manifest import MANIFEST

    from ..options import RunOptions
    from ..running import carry_out, prepare
    from .report import RunConsole

    manifest, _ = read_run(folder)
    settings = manifest.get("settings") or {}
    chosen = RunOptions.from_dict(settings.get("request"), folder / MANIFEST)
    if prices is not None:
        chosen = replace(chosen, prices=str(prices))
    if batch is not None:
        chosen = replace(chosen, batch=batch)
    prepared = prepare(chosen)
    console = RunConsole(quiet)
    try:
        summary, store = carry_out(
            prepared,
            folder,
            concurrency=concurrency or (None if chosen.batch else settings.get("concurrency")),
            max_cost=max_cost if max_cost is not None else settings.get("max_cost_usd"),
            drop=statuses,
            watcher=console,
        )
    finally:
        console.stop()
    console.report(folder, store, summary)


@baseline.command()
@_folder
@click.option("--fix-labels/--no-fix-labels", default=None, help="Map mistyped labels. Default: as in the run.")
@options.quiet_option
def reparse(folder: Path, fix_labels: bool | None, quiet: bool) -> None:
    """Parse the stored output of RUN again with this version.

    Nothing is sent. Rows are replaced all together or not at all.

    \b
    Examples:
      bench baseline reparse runs/gpt-4o-mini-val
    """
    from ..running import reparse as read_again

    found = read_again(folder, fix_labels)
    if not quiet:
        click.echo(f"{folder}: {found['read']:,} answers read again, {found['changed']:,} rows changed.")
        for name in ("before", "after"):
            counts = ", ".join(f"{count:,} {status}" for status, count in sorted(found[name].items()) if count)
            click.echo(f"  {name}: {counts}")
        click.echo(f"Next: bench baseline status {folder}")
