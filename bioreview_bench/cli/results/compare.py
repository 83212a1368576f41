"""`bench compare` and `bench stability`: several stored results side by side."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import InputError, printable

if TYPE_CHECKING:
    from bioreview_bench.report.blocks import Block
    from bioreview_bench.results.result import Result
    from bioreview_bench.stats.comparison import Comparison


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Draws of the label-swap test. Few beside many systems find too many differences.",
)
@click.option("--seed", type=int, default=42, show_default=True, help="Decides which labels are swapped in each draw.")
@options.path_option("--html", metavar="FILE", text="Write a page for the browser: article by article, who found what.")
@click.option(
    "--predictions",
    multiple=True,
    metavar="FILE",
    help="With --html: a file that was scored (or demo:NAME), for its texts; those next to the results are found.",
)
@click.option("--data", metavar="DATA", help="With --html: where the articles are. Default: the results' bundled data.")
@options.format_option("text", "markdown", "json")
def compare(
    results: tuple[Path, ...],
    draws: int,
    seed: int,
    html: Path | None,
    predictions: tuple[str, ...],
    data: str | None,
    form: str,
) -> None:
    """Compare RESULTS (two or more result files, or run folders that hold one) of equal signature.

    It shows intervals, tests and tied groups.

    Results whose signatures differ are refused, and the differing field is named. Post-processing of predictions is
    shown, not compared.

    \b
    Examples:
      bench compare a.result.json b.result.json
      bench compare runs/*.result.json --format markdown
      bench compare a.result.json b.result.json --html ab.html --predictions a.jsonl --predictions b.jsonl --data FOLDER
    """
    from bioreview_bench.report.comparison import as_dict, blocks
    from bioreview_bench.stats.comparison import compare as compare_results

    results = tuple(map(inputs.result_path, results))
    inputs.require_suffix(html, (".html", ".htm"), "--html", "a page for the browser")
    loaded = load_results(results)
    if html is None and (predictions or data is not None):
        raise InputError("--predictions and --data are for showing texts in a page.", remedy="add --html FILE")
    comparison = compare_results(list(loaded.values()), list(loaded), draws, seed)
    if html is not None:
        _write_page(comparison, html, results, predictions, data)
    if form == "json":
        options.show_json(as_dict(comparison))
    else:
        options.show(blocks(comparison), form)


def _write_page(
    comparison: Comparison, html: Path, results: tuple[Path, ...], predictions: tuple[str, ...], data: str | None
) -> None:
    """Write the comparison with the texts that are at hand. Raises InputError, DataError, WriteError."""
    from bioreview_bench.data.load import BUNDLED_DATA, load_split
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.files.atomic import check_writable, write_files
    from bioreview_bench.report.html.comparison import compose, systems

    if any(path.exists() and html.exists() and html.samefile(path) for path in results):
        raise InputError("--html names one of the results, which would be lost.", remedy="name an .html file")
    check_writable(html)
    record = comparison.results[0].record
    source = data or (record.data.name if record.data.name in BUNDLED_DATA else None)
    articles = load_split(source, record.data.split) if source else None
    files = [inputs.predictions_path(given) for given in predictions] or _beside(comparison, results)
    rows = [read_predictions(path, articles, allow_extra=articles is not None) for path in files]
    page = compose(comparison, systems(comparison, rows, articles), articles).encode("utf-8")
    write_files({html: page})
    click.echo(f"Wrote {html} ({len(page) / 1e6:.1f} MB).", err=True)


def _beside(comparison: Comparison, results: tuple[Path, ...]) -> list[Path]:
    """Predictions files that the results scored, by their sha256: beside a result, or bundled with its data."""
    from bioreview_bench.data.load import BUNDLED_DATA, locate

    wanted = {result.record.provenance.predictions_sha256 for result in comparison.results}
    data = comparison.results[0].record.data.name
    folders = [path.parent for path in results] + ([locate(data)[1] / "predictions"] if data in BUNDLED_DATA else [])
    found: dict[str, Path] = {}
    for path in sorted(path for folder in dict.fromkeys(folders) for path in folder.glob("*.jsonl")):
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 in wanted:
            found.setdefault(sha256, path)
    return list(found.values())


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.format_option("text", "markdown", "json")
def stability(results: tuple[Path, ...], form: str) -> None:
    """How stable is the ranking of RESULTS over thresholds (results made with --sweep) and over contracts?

    Kendall's tau between rankings by F1: 1 is the same order, 0 no relation, -1 the reverse.

    \b
    Examples:
      bench stability a.result.json b.result.json c.result.json
      bench stability demo/*.result.json demo-topic/*.result.json
    """
    from bioreview_bench.report.blocks import Notes, Table, figure
    from bioreview_bench.report.conclusions import stable
    from bioreview_bench.stats.stability import over_contracts, over_thresholds

    contracts: dict[str, dict[str, Result]] = {}
    for path, result in load_results(tuple(map(inputs.result_path, results)), by_path=True).items():
        systems = contracts.setdefault(str(result.record.contract["name"]), {})
        name = system_name(result)
        if name in systems:
            raise InputError(
                f"{path}: a second result of {printable(name)} under this contract.", remedy="use --system-name"
            )
        systems[name] = result
    if len(set().union(*contracts.values())) < 2:
        raise InputError("A ranking needs at least two systems.", remedy="bench stability A.result.json B.result.json")
    swept = {
        contract: over_thresholds(systems)
        for contract, systems in contracts.items()
        if len(contracts) == 1 or all(result.record.sweep for result in systems.values())
    }
    across = over_contracts(contracts)
    if form == "json":
        found = {"thresholds": {name: [asdict(row) for row in rows] for name, rows in swept.items()}}
        options.show_json({**found, "contracts": [asdict(row) for row in across]})
        return
    shown: list[Block] = [
        Table(
            f"{printable(name)}: ranking at other thresholds against its own",
            ["threshold", "systems", "Kendall's tau"],
            [[row.b, str(row.n), figure(row.tau)] for row in rows],
        )
        for name, rows in swept.items()
    ]
    if across:
        rows = [[f"{row.a} - {row.b}", str(row.n), figure(row.tau)] for row in across]
        shown.append(Table("Ranking under other contracts", ["contracts", "systems in both", "Kendall's tau"], rows))
    shown.append(Notes("Conclusion", stable(swept, across)))
    options.show(shown, form)


def load_results(paths: tuple[Path, ...], *, by_path: bool = False) -> dict[str, Result]:
    """Results by name (system and version; file name where two share one), or by path."""
    from bioreview_bench.results.result import Result, load_result

    found: dict[str, Result] = {}
    for path in paths:
        result = load_result(path)
        if not isinstance(result, Result):
            raise InputError(
                f"{path} was reported, not scored: it has no counts to compare.", remedy="score its predictions"
            )
        name = str(path) if by_path else system_name(result)
        found[name if name not in found else f"{name} [{path.name}]"] = result
    if len(found) != len(paths):
        raise InputError("A result was named twice.", remedy="name each file once")
    return found


def system_name(result: Result) -> str:
    """Name and version."""
    system = result.record.system
    return f"{system.name} {system.version}" if system.version else system.name
