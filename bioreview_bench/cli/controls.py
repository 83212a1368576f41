"""`bench controls` and `bench demo`: reviewers of whom it is known what they say, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.cli.judge import judge_backend, judge_options, print_plan

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract

DEMO_CONTRACTS = ("demo", "reader")  # that `bench demo` compares
_EXAMPLE = "near_miss"  # the reviewer whose pairs its report shows, under the first of them


@click.command()
@options.data_option
@options.split_option
@options.contract_option()
@options.encoder_path_option
@options.precision_option("fp32", "bf16")
@options.limit_option
@options.allow_unfrozen_option
@options.format_option("text", "markdown", "json")
@options.quiet_option
@judge_options
def controls(
    data: str,
    split: str,
    contract_name: str | None,
    encoder_path: Path | None,
    precision: str | None,
    limit: int | None,
    allow_unfrozen: bool,
    form: str,
    quiet: bool,
    **judging: Any,
) -> None:
    """Score the control reviewers of a split: what any system must beat under a contract.

    neighbour brings the concerns of the lexically nearest train article, random-train those of any train article
    (both of another family); echo copies sentences of the paper; generic repeats stock comments; near_miss makes other
    points in the references' words, where the data set ships such texts.

    \b
    Examples:
      bench controls --data demo
      bench controls --data v3 --split val
    """
    from bioreview_bench.cli.options import with_precision
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.controls.lexical import neighbour, random_train
    from bioreview_bench.controls.reviewers import SCORED_CONTROLS
    from bioreview_bench.data.load import default_contract, has_split, load_split
    from bioreview_bench.data.near_misses import near_miss_reviewer, read_near_misses
    from bioreview_bench.data.predictions import as_predictions
    from bioreview_bench.report.blocks import Block, Facts, Notes, Table, figure
    from bioreview_bench.report.conclusions import beaten
    from bioreview_bench.report.meaning import validity_note
    from bioreview_bench.results.validity import load_card
    from bioreview_bench.scoring.run import score

    contract_name = contract_name or default_contract(data)
    contract = with_precision(Contract.load(contract_name), precision)
    card = load_card(contract_name)
    articles = load_split(data, split, limit=limit, allow_unfrozen=allow_unfrozen)
    messages = options.Messages(quiet)
    writers = {**SCORED_CONTROLS, **near_miss_reviewer(read_near_misses(articles))}
    written = {name: {article.id: list(write(article)) for article in articles} for name, write in writers.items()}
    if has_split(data, "train"):
        train = load_split(data, "train", allow_unfrozen=allow_unfrozen)
        written |= {"neighbour": neighbour(articles, train), "random-train": random_train(articles, train)}
    else:
        messages.say(f"{data} has no train articles to borrow from: neighbour and random-train are left out.")
    judge = judge_backend(contract, messages, **judging)
    if judge is not None and judging["dry_run"]:
        everything = [as_predictions(rows, articles) for rows in written.values()]
        print_plan(judge, articles, everything, controls="basic", form=form)
        return
    with messages:
        results = {
            name: score(
                articles,
                rows,
                contract,
                controls="basic",
                draws=0,
                encoder_path=encoder_path,
                card=card,
                backend=judge,
                progress=messages.encoding,
            )
            for name, rows in written.items()
        }
    records = {name: result.record for name, result in results.items()}
    if form == "json":
        shown = {
            name: {"overall": r.overall.model_dump(), "controls": r.controls.model_dump()}
            for name, r in records.items()
        }
        options.show_json({"signature": next(iter(records.values())).signature, "reviewers": shown})
        return
    rows = []
    for name, record in records.items():
        overall, beside = record.overall, record.controls
        figures = [overall.f1, overall.recall, overall.precision, beside.match_rate]
        figures += [beside.null_f1, beside.null_match_rate, beside.skill]
        rows.append([name, f"{overall.n_pred:,}", *map(figure, figures)])
    header = ["reviewer", "preds", "F1", "recall", "prec.", "match rate", "null F1", "null rate", "skill"]
    blocks: list[Block] = [
        Facts([("Contract", contract.official_name), ("Signature", next(iter(records.values())).signature)]),
        Table(f"Control reviewers on {articles.label}", header, rows),
        Notes("What this means", [validity_note(next(iter(records.values())))]),
        Notes("Conclusion", [beaten(records)]),
    ]
    options.show(blocks, form)


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Where the report for the browser goes. Default: the cache folder.",
)
@options.format_option("text", "json")
@options.quiet_option
def demo(output: Path | None, form: str, quiet: bool) -> None:
    """Rank six reviewers of known quality under two contracts, and say which contract is to be believed.

    They review twelve invented papers, which come with the package: nothing is downloaded.

    \b
    Examples:
      bench demo
      bench demo -o demo.html
      bench evaluate known:near_miss --data known --contract demo
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import load_split
    from bioreview_bench.files.atomic import check_writable, make_folder
    from bioreview_bench.files.paths import cache_root
    from bioreview_bench.scoring.backends import choose
    from bioreview_bench.validity.known_report import as_dict, blocks
    from bioreview_bench.validity.known_reviewers import DATA, REVIEWERS, try_contract

    _require_bundled(DEMO_CONTRACTS)
    inputs.require_suffix(output, (".html", ".htm"), "-o", "a page for the browser")
    page = output or make_folder(cache_root()) / "demo.html"
    check_writable(page)
    split = load_split(DATA, "test")
    files = {name: inputs.predictions_path(f"{DATA}:{name}") for name in REVIEWERS}
    messages = options.Messages(quiet)
    trials = []
    for name in DEMO_CONTRACTS:
        messages.say(f"Scoring {len(files)} reviewers under {name} ...")
        contract = Contract.load(name)
        backend = choose(contract, None, None, lambda done, total: None)
        trials.append(try_contract(contract, backend, split, files))
    _write_page(page, files[_EXAMPLE], Contract.load(DEMO_CONTRACTS[0]))
    following = [
        "bench evaluate demo:careful --data demo",
        f"bench evaluate {DATA}:{_EXAMPLE} --data {DATA} --contract {','.join(DEMO_CONTRACTS)}",
    ]
    if form == "json":
        found = {"data": split.label, **as_dict(*trials), "report": str(page), "next": following}
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import Facts

    options.show(blocks(*trials))
    click.echo()
    shown = [("Report", str(page)), ("", f"{_EXAMPLE} under {DEMO_CONTRACTS[0]}: what it took for the same point")]
    options.show([Facts([*shown, ("Next", following[0]), ("", following[1])])])


def _require_bundled(names: tuple[str, ...]) -> None:
    from bioreview_bench.contracts.contract import BUNDLED
    from bioreview_bench.errors import InputError

    absent = [name for name in names if name not in BUNDLED]
    if absent:
        raise InputError(
            f"This installation has no contract {' and no contract '.join(absent)}, which the demo compares.",
            remedy="bench contract list shows the contracts that are there",
        )


def _write_page(page: Path, predictions: Path, contract: Contract) -> None:
    """The report on one of the reviewers."""
    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.files.atomic import write_files
    from bioreview_bench.report.html import render
    from bioreview_bench.scoring.run import score
    from bioreview_bench.validity.known_reviewers import DATA

    split = load_split(DATA, "test")
    rows = read_predictions(predictions, split)
    result = score(split, rows, contract, draws=2_000, sweep=True)
    write_files({page: render(result, rows, split).encode("utf-8")})
