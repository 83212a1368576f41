"""`bench contract`: list contracts, show one, and hold one against judged pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.cli.judge import judge_options, judge_scorer, say_plan
from bioreview_bench.files.atomic import check_writable, make_folder, write_files

if TYPE_CHECKING:
    from bioreview_bench.report.blocks import Block


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def contract() -> None:
    """List and show contracts, and hold one against what raters judged to be the same point.

    \b
    Examples:
      bench contract list
      bench contract show reader
      bench contract audit reader --judgements pairs.jsonl --data my/folder
    """


@contract.command("list")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@options.format_option("text", "markdown", "json")
def list_contracts(names: tuple[str, ...], form: str) -> None:
    """List contracts and what their validity cards say.

    These are the bundled ones, judges audited on this machine, and files that you name.
    \b
    Examples:
      bench contract list
      bench contract list mine.toml other.toml
    """
    from bioreview_bench.contracts.contract import BUNDLED, Contract
    from bioreview_bench.report.blocks import DASH, Table
    from bioreview_bench.report.meaning import validity_in_short
    from bioreview_bench.results.validity import judges_cards, load_card, own_validity

    audited = [str(card.contract["name"]) for card in judges_cards()]
    wanted = list(dict.fromkeys([*BUNDLED, *audited, *names]))
    loaded = [Contract.load(name) for name in wanted]
    claims = [own_validity(each, load_card(name)) for name, each in zip(wanted, loaded, strict=True)]
    if form == "json":
        rows = [{**each.as_dict(), "validity": claim.model_dump()} for each, claim in zip(loaded, claims, strict=True)]
        options.show_json(rows)
        return
    shown = [
        [each.name, each.encoder or DASH, f"{each.threshold:g}", each.transform, validity_in_short(claim)]
        for each, claim in zip(loaded, claims, strict=True)
    ]
    options.show(
        [Table("Contracts", ["name", "encoder", "threshold", "transform", "validity"], shown, ("encoder",))],
        form,
    )


@contract.command()
@click.argument("name")
@options.format_option("text", "markdown", "json")
def show(name: str, form: str) -> None:
    """Show a contract's fields, signature and validity card.

    NAME is a bundled contract, a judge, or a TOML file.
    \b
    Examples:
      bench contract show demo
      bench contract show mine.toml --format json
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.report.blocks import Facts, Notes
    from bioreview_bench.report.meaning import about
    from bioreview_bench.results.validity import load_card, own_validity
    from bioreview_bench.validity.report import blocks

    loaded, card = Contract.load(name), load_card(name)
    claim = own_validity(loaded, card)
    fields = {key: value for key, value in loaded.as_dict().items() if value is not None}
    if form == "json":
        shown_json = {"contract": loaded.as_dict(), "signature": loaded.signature(), "validity": claim.model_dump()}
        options.show_json({**shown_json, "card": card.model_dump(mode="json") if card else None})
        return
    facts = [(key, _short(value)) for key, value in fields.items()]
    shown: list[Block] = [Facts([*facts, ("signature", loaded.signature())])]
    if card is None or claim.refused is not None:
        shown.append(Notes("Verdict", [about(claim)]))
    else:
        shown += blocks(card, about(claim))
    options.show(shown, form)
    if card is None:
        click.echo(f"Next: bench contract audit {name} --judgements FILE --data DATA", err=True)


@contract.command()
@click.argument("name")
@options.path_option(
    "--judgements",
    metavar="FILE",
    text="Judged pairs (docs/judged-pairs.md). May be repeated.",
    multiple=True,
    required=True,
)
@options.data_option
@click.option(
    "--split",
    default="all",
    show_default=True,
    metavar="SPLIT",
    help="Where judged pairs are from: train, val (validation), test or all.",
)
@options.path_option("--corpus", metavar="FILE", text="A matching corpus. May be repeated.", multiple=True)
@options.output_option("Write the validity card.", "FILE")
@click.option(
    "--keep", is_flag=True, help="Put the card where the contract is, to be shown with scores; a judge's always is."
)
@options.path_option("--chart", metavar="FILE.svg", text="Draw what is matched and counted.")
@options.encoder_path_option
@options.allow_extra_option
@options.allow_unfrozen_option
@options.draws_option
@options.seed_option
@options.format_option("text", "markdown", "json")
@options.quiet_option
@judge_options
def audit(
    name: str,
    judgements: tuple[Path, ...],
    data: str,
    split: str,
    corpus: tuple[Path, ...],
    out: Path | None,
    keep: bool,
    chart: Path | None,
    encoder_path: Path | None,
    allow_extra: bool,
    allow_unfrozen: bool,
    draws: int,
    seed: int,
    form: str,
    quiet: bool,
    **judging: Any,
) -> None:
    """Check contract NAME against judged pairs, and make its validity card.

    With --keep the card is saved with the contract (mine.card.json next to mine.toml), and one sentence of it is
    shown with every score under that contract. A judge has no file, and its audit costs money: its card is kept in
    the cache folder, under its model and the hash of prompt and parameters.

    \b
    Examples:
      bench contract audit demo --judgements pairs.jsonl --data DIR
      bench contract audit mine.toml --judgements a.jsonl --judgements b.jsonl --data DIR --keep
      bench contract audit judge:openai:gpt-4o-mini --judgements pairs.jsonl --data DIR --prices prices.toml --dry-run
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.folder import canonical_split
    from bioreview_bench.data.load import load_split
    from bioreview_bench.report.meaning import about
    from bioreview_bench.results.validity import card_path, own_validity
    from bioreview_bench.scoring.judge.scorer import OnlyPlanned
    from bioreview_bench.validity.audit import audit as measure
    from bioreview_bench.validity.chart import svg
    from bioreview_bench.validity.corpus import read_corpus
    from bioreview_bench.validity.judgements import read_judgements
    from bioreview_bench.validity.report import blocks
    from bioreview_bench.validity.scorers import ContractScorer

    loaded = Contract.load(name)
    kept = card_path(name) if (keep or loaded.similarity == "judge") and not judging["dry_run"] else None
    if kept is not None and loaded.similarity == "judge":
        make_folder(kept.parent)
    inputs.require_suffix(chart, (".svg",), "--chart", "an SVG")
    for path in filter(None, (kept, out, chart)):
        check_writable(path)
    articles = load_split(data, split, allow_unfrozen=allow_unfrozen)
    judged = read_judgements(judgements, articles, allow_extra=allow_extra)
    corpora = [read_corpus(path, articles) for path in corpus]
    messages = options.Messages(quiet)
    try:
        scorer = judge_scorer(loaded, messages, **judging) or ContractScorer(loaded, encoder_path, messages.encoding)
        where = f"{options.data_name(data, articles.data)}/{canonical_split(split)}"
        card = measure(judged, articles, scorer, where, corpora, draws=draws, seed=seed)
    except OnlyPlanned as planned:
        say_plan(planned.plan, form, judging["max_cost"])
        return
    finally:
        messages.stop()
    text = card.to_json().encode()
    files = {path: made for path, made in ((chart, svg(card).encode()), (out, text), (kept, text)) if path}
    write_files(files)
    for path in files:
        messages.say(f"Wrote {path}.")
    if form == "json":
        click.echo(card.to_json(), nl=False)
    else:
        options.show(blocks(card, about(own_validity(loaded, card))), form)
    if kept is None:
        messages.say("Not kept with the contract. To show it with scores: --keep")


def _short(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
