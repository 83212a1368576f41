"""`bench review`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.data.load import READING
from bioreview_bench.errors import Needs

if TYPE_CHECKING:
    from .run import PlannedReview


@click.command()
@click.argument("paper", type=click.Path(path_type=Path))
@click.option(
    "--with", "name", required=True, metavar="NAME", help="A reviewer of bench baseline list, or adapter:PATH."
)
@options.path_option("--reviews", metavar="FILE", text="Human reviews (text, or JSON): which concerns were found?")
@options.contract_option("Under which concerns match, with --reviews.", default=READING)
@options.encoder_path_option
@options.format_option("text", "markdown", "json")
@click.option("--dry-run", is_flag=True, help="Show sections, words, tokens and cost; send and write nothing.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@options.output_option("Where the answer is kept. Default: runs/NAME-PAPER.")
@options.data_option
@click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Send nothing that could cost more.")
@options.path_option("--prices", metavar="FILE", text="What tokens cost. Default: bench baseline prices.")
@click.option("--prompt", metavar="ID|FILE", help="Default: objects-v1, which asks for category and severity.")
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="A parameter of the model; may be repeated.")
@click.option("--counter", metavar="NAME", help="How tokens are counted: chars3, tiktoken or model.")
@click.option("--budget", type=click.IntRange(min=1), metavar="N", help="Tokens of paper. Default: 15000.")
@click.option("--base-url", metavar="URL", help="Another server that speaks the same protocol.")
@click.option("--key-variable", metavar="NAME", help="The environment variable that holds the key.")
@click.option("--adapter", "adapters", multiple=True, metavar="PATH", help="An adapter (PEFT) on a local model.")
@options.quiet_option
@options.all_option
def review(
    paper: Path,
    name: str,
    reviews: Path | None,
    contract_name: str,
    encoder_path: Path | None,
    form: str,
    dry_run: bool,
    yes: bool,
    out: Path | None,
    max_cost: float | None,
    prices: Path | None,
    parameters: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> None:
    """Review one paper of your own, with cost first.

    PAPER is a PDF, DOCX, JATS XML, HTML, Markdown or plain text.

    Shows first what would be sent and what it costs. A paper leaves this machine only for a reviewer behind an API, and
    only after a yes. The answer is kept in DIR, and the same command shows it again without paying.

    \b
    Examples:
      bench review paper.pdf --with echo
      bench review paper.pdf --with gpt-4o-mini --dry-run
      bench review paper.docx --with gpt-4o-mini --max-cost 0.05 --format markdown > review.md
      bench review paper.pdf --with hf:ORG/MODEL
      bench review paper.pdf --with adapter:runs/sft-a --reviews reviews.txt

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library or model unavailable, 4 data missing, 5 the service refused or
    gave no review, 6 cannot write, 130 interrupted.
    """
    from ..cli.report import RunConsole
    from ..options import RunOptions, read_parameters
    from .review import TRIAL, compared, finished, gather_needs, require_known, require_matcher
    from .reviews import read_reviews
    from .run import plan_review
    from .shown import review_json

    chosen = RunOptions(
        name=name,
        paper=str(paper),
        parameters=read_parameters(parameters),
        prices=None if prices is None else str(prices),
        **given,
    )
    require_known(name)
    needs, human, planned = Needs(TRIAL), None, None
    if reviews is not None:
        with needs.gather():
            human = read_reviews(reviews)
        with needs.gather():
            require_matcher(contract_name, encoder_path)
    with needs.gather():
        planned = plan_review(paper, chosen, out, max_cost)
    if planned is not None and not dry_run:
        gather_needs(planned, needs)
    needs.require()
    assert planned is not None
    if dry_run:
        _show_plan(planned, form)
        return
    if not quiet:
        _say_plan(planned)
    _require_yes(planned, yes)
    console = RunConsole(quiet)
    try:
        row = planned.carry_out(max_cost, console)
    finally:
        console.stop()
    made = finished(planned, row)
    if human is not None:
        with options.Messages(quiet) as messages:
            made = compared(made, planned, human, contract_name, encoder_path, progress=messages.encoding)
    if form == "json":
        options.show_json(review_json(planned, made))
        return
    _show_review(made, form)


def _show_plan(planned: PlannedReview, form: str) -> None:
    from .shown import plan_blocks, plan_json

    if form == "json":
        options.show_json(plan_json(planned))
        return
    options.show(plan_blocks(planned), form)
    if form == "text":
        click.echo("\nNothing was sent, and nothing written.")


def _say_plan(planned: PlannedReview) -> None:
    """The plan on stderr, so that the review alone is on stdout."""
    from bioreview_bench.report.terminal import print_blocks

    from .shown import plan_blocks

    print_blocks(plan_blocks(planned), sys.stderr)
    click.echo(err=True)


def _require_yes(planned: PlannedReview, yes: bool) -> None:
    """Ask before a paper leaves this machine. Raises InputError for a no, and where nobody can be asked."""
    if yes or not planned.leaves or planned.row is not None:
        return
    options.require_yes(
        f"Send the paper to {planned.prepared.reviewer.name} at {planned.address}?",
        "Nothing was sent: sending this paper to a service takes a yes.",
    )


def _show_review(made: Any, form: str) -> None:
    from .made import review_text
    from .shown import review_blocks

    if form == "markdown":
        options.show(review_blocks(made), form)
        return
    click.echo(review_text(made, max(40, shutil.get_terminal_size((80, 24)).columns)))
