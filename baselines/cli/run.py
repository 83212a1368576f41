"""`bench baseline NAME`: the options of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError, Needs

RUN = "run"  # the name of the hidden command; users write the reviewer's name instead


class _RunContext(click.Context):
    @property
    def command_path(self) -> str:
        """`bench baseline NAME`, with the reviewer's name where it is known."""
        parent = self.parent.command_path if self.parent is not None else "bench baseline"
        return f"{parent} {self.params.get('name') or 'NAME'}"


class RunCommand(click.Command):
    """A command that is called by the reviewer's name in the place of its own."""

    context_class = _RunContext

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The name is part of the command, not an argument behind it."""
        formatter.write_usage(ctx.command_path, "[OPTIONS]")


@click.command(RUN, cls=RunCommand, hidden=True)
@click.argument("name", metavar="NAME", is_eager=True)
@options.data_option
@options.split_option
@options.output_option("Default: runs/NAME-SPLIT.")
@options.limit_option
@click.option("--ids", type=click.Path(path_type=Path), metavar="FILE", help="Only these articles: one id a line.")
@options.allow_unfrozen_option
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Papers under review at once.")
@click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Stop before the run costs more in all.")
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What tokens cost. Default: bench baseline prices.",
)
@click.option("--dry-run", is_flag=True, help="Count articles, tokens and cost; send and write nothing.")
@click.option(
    "--prompt",
    metavar="ID|FILE",
    help="Default: objects-v1. Also adaptive-v1, strings-v1, published-9b, or a TOML file.",
)
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="A parameter of the model; may be repeated.")
@click.option(
    "--counter",
    metavar="NAME",
    help="How tokens are counted: chars3 (an estimate; default for APIs), tiktoken, or model (default for local ones).",
)
@click.option("--budget", type=click.IntRange(min=1), metavar="N", help="Tokens of paper. Default: 15000.")
@click.option("--base-url", metavar="URL", help="Another server that speaks the same protocol.")
@click.option("--key-variable", metavar="NAME", help="The environment variable that holds the key.")
@click.option("--adapter", "adapters", multiple=True, metavar="PATH", help="An adapter (PEFT) on a local model.")
@click.option("--tensor-parallel", type=click.IntRange(min=1), metavar="N", help="Accelerators for one model (vllm).")
@click.option("--fix-labels", is_flag=True, default=None, help="Map mistyped labels to the vocabulary, and count them.")
@click.option("--structured/--no-structured", default=None, help="Hold answers to a JSON schema, where servers can.")
@click.option("--batch", is_flag=True, help="Submit to OpenAI's Batch API, wait and fetch: cheaper, within a day.")
@options.quiet_option
@options.all_option
def run_reviewer(
    name: str,
    out: Path | None,
    ids: Path | None,
    concurrency: int | None,
    max_cost: float | None,
    prices: Path | None,
    dry_run: bool,
    parameters: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> None:
    """Review articles with NAME (see bench baseline list) into DIR: predictions.jsonl and run.json.

    The same command resumes a run; it refuses when anything differs that could change an answer. Raise --limit to
    go on where a smaller one ended.

    \b
    Examples:
      bench baseline bm25 --data demo
      bench baseline gpt-4o-mini --dry-run
      bench baseline gpt-4o-mini --split val --batch
      bench baseline hf:ORG/MODEL --adapter adapters/mine --prompt adapter.toml --param temperature=0.1

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library or model unavailable, 4 data missing, 5 the service refused
    or articles failed for good, 6 cannot write, 130 interrupted.
    """
    from bioreview_bench.data.folder import canonical_split
    from bioreview_bench.results.run_manifest import n_rows

    from ..options import RunOptions, read_parameters, slug
    from ..registry import find
    from ..running import carry_out, prepare
    from .plan import count, plan_lines
    from .report import RunConsole

    chosen = RunOptions(
        name=name,
        ids=None if ids is None else str(ids),
        parameters=read_parameters(parameters),
        prices=None if prices is None else str(prices),
        **given,
    )
    split = canonical_split(chosen.split)
    out = out if out is not None else Path("runs") / f"{slug(name)}-{split}"
    prepared, needs = None, Needs("bench baseline echo --data demo (a control reviewer, which needs nothing)")
    registration = find(name)
    with needs.gather():
        prepared = prepare(chosen)
    wrong = any(isinstance(part, InputError) for part in needs.parts)
    if not (dry_run or wrong) and (prepared is None or n_rows(out) < len(prepared.articles)):
        registration.gather(needs, chosen)
    needs.require()
    assert prepared is not None
    console = RunConsole(quiet)
    if prices is not None and prepared.price is None:
        what = "no batch_input and batch_output" if chosen.batch else "no price"
        console.say(f"{prices} has {what} for {name}, so its cost stays unknown.")
    if dry_run:
        for line in plan_lines(count(prepared, out, max_cost)):
            click.echo(line)
        return
    try:
        summary, store = carry_out(prepared, out, concurrency=concurrency, max_cost=max_cost, watcher=console)
    finally:
        console.stop()
    console.report(out, store, summary)
