"""`bench report`."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import check_writable, write_files

if TYPE_CHECKING:
    from bioreview_bench.data.predictions import Predictions
    from bioreview_bench.data.split import Split
    from bioreview_bench.results.records import ResultRecord


@click.command()
@click.argument("result", type=click.Path(path_type=Path), metavar="R.result.json")
@options.path_option("-o", "--output", metavar="FILE", text="Default: R.html next to the result.")
@click.option(
    "--predictions", metavar="FILE", help="The file that was scored (or demo:NAME): show the concerns' texts."
)
@click.option("--data", metavar="DATA", help="Where its articles are. Default: the result's, where that has a name.")
@click.option("--split", metavar="SPLIT", help="Default: the result's.")
@click.option("--open", "open_after", is_flag=True, help="Open the report in a browser.")
@options.quiet_option
def report(
    result: Path,
    output: Path | None,
    predictions: str | None,
    data: str | None,
    split: str | None,
    open_after: bool,
    quiet: bool,
) -> int:
    """Write a result as one HTML file, with charts, tables and an article browser; it needs no network.

    Texts of concerns are in it only with --predictions, and never those of a held-out split.

    \b
    Examples:
      bench report mine.result.json
      bench report mine.result.json -o mine.html --open
      bench report demo.result.json --predictions demo:careful --data demo --split test
    """
    from bioreview_bench.report.html import compose
    from bioreview_bench.results.legacy import HistoricResult
    from bioreview_bench.results.result import load_result

    result = inputs.result_path(result)
    loaded = load_result(result)
    inputs.require_suffix(output, (".html", ".htm"), "-o", "a page for the browser")
    destination = output or default_output(result)
    if destination.exists() and destination.samefile(result):
        raise InputError("-o names the result itself, which would be lost.", remedy="name an .html file")
    check_writable(destination)
    articles, rows = None, None
    if not isinstance(loaded, HistoricResult):
        articles, rows = _texts(loaded.record, predictions, data, split)
    page = compose(loaded, rows, articles)
    content = page.html.encode("utf-8")
    write_files({destination: content})
    messages = options.Messages(quiet)
    for omission in page.omissions:
        messages.say(f"Left out. {omission.reason}{f' Next: {omission.remedy}' if omission.remedy else ''}")
    messages.say(f"Wrote {destination} ({len(content) / 1e6:.1f} MB).")
    if open_after and not webbrowser.open(destination.resolve().as_uri()):
        messages.say("No browser could be started; open the file yourself.")
    return 0


def default_output(result: Path) -> Path:
    """`R.html` beside `R.result.json`."""
    from bioreview_bench.results.result import RESULT_SUFFIX

    stem = result.name.removesuffix(RESULT_SUFFIX).removesuffix(".json")
    return result.with_name(f"{stem}.html")


def _texts(
    record: ResultRecord, predictions: str | None, data: str | None, split: str | None
) -> tuple[Split | None, Predictions | None]:
    """Articles and predictions, when they are asked for. Raises InputError when one comes without the other."""
    from bioreview_bench.data.load import BUNDLED_DATA, load_split
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.data.released.manifest import RELEASED

    if predictions is None:
        if data is not None or split is not None:
            raise InputError("--data and --split are for showing texts.", remedy="add --predictions FILE")
        return None, None
    if data is None and record.data.name not in (*BUNDLED_DATA, *RELEASED):
        raise InputError(
            "The articles of this result are in a folder of yours.", remedy="add --data FOLDER, the one evaluated"
        )
    articles = load_split(data or record.data.name, split or record.data.split)
    # Rows that the evaluation ignored are in the file still; whether it is the file, its sha256 says.
    return articles, read_predictions(inputs.predictions_path(predictions), articles, allow_extra=True)
