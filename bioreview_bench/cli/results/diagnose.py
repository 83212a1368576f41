"""`bench diagnose`: how systems fail, what a cap would do, which references nobody finds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.cli.results.compare import load_results, system_name
from bioreview_bench.errors import InputError, Problem

if TYPE_CHECKING:
    from bioreview_bench.report.blocks import Block
    from bioreview_bench.results.result import Result


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.format_option("text", "markdown", "json")
def diagnose(results: tuple[Path, ...], form: str) -> None:
    """Say how the systems of RESULTS fail: result files with their pairs, or run folders that hold one.

    Failures by source, articles where nothing was found, precision by position and what a cap would do. Of several
    systems on the same articles: references that all miss, and that only one finds. Of one system on several splits:
    the change from val to test.

    \b
    Examples:
      bench diagnose mine.result.json
      bench diagnose runs/*.result.json
      bench diagnose mine-val.result.json mine-test.result.json --format json
    """
    from bioreview_bench.report.diagnosis import diagnosis_blocks, in_split_order, missed_blocks, splits_table
    from bioreview_bench.stats.diagnosis import diagnose as diagnose_result
    from bioreview_bench.stats.diagnosis import missed

    loaded = load_results(tuple(map(inputs.result_path, results)), by_path=True)
    shown: list[Block] = []
    plain: dict[str, Any] = {"systems": [], "missed": [], "splits": []}
    together: dict[str, dict[str, Result]] = defaultdict(dict)
    systems: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for path, result in loaded.items():
        name = system_name(result)
        statuses = _statuses(Path(path), result)
        found = diagnose_result(result, statuses)
        label = name if len(loaded) == 1 else f"{name} ({result.record.data.split})"
        shown += diagnosis_blocks(label, result, found, statuses is not None)
        plain["systems"].append({"system": name, "data": result.record.data.label, **asdict(found)})
        if name in together[result.signature]:
            raise InputError(f"{path}: a second result of {name} on these articles.", remedy="name each system once")
        together[result.signature][name] = result
        systems[name, str(result.record.contract["name"])].append(result)
    for alike in together.values():
        if len(alike) > 1:
            lost = missed(alike)
            shown += missed_blocks(lost, len(alike))
            plain["missed"].append(asdict(lost))
    for (name, _), on in systems.items():
        if len(on) > 1:
            ordered = {each.record.data.label: each for each in in_split_order(on)}
            shown.append(splits_table(name, ordered))
            plain["splits"].append({"system": name, "f1": {label: each.f1 for label, each in ordered.items()}})
    if form == "json":
        options.show_json(plain)
    else:
        options.show(shown, form)


def _statuses(path: Path, result: Result) -> dict[str, str | None] | None:
    """The statuses of the predictions that were scored, where their file lies next to the result."""
    from bioreview_bench.files.jsonl import read_rows
    from bioreview_bench.files.reading import file_sha256

    wanted = result.record.provenance.predictions_sha256
    for beside in sorted(path.parent.glob("*.jsonl")) if wanted else []:
        if file_sha256(beside, InputError) == wanted:
            rows = (row for _, row in read_rows(beside, InputError) if not isinstance(row, Problem))
            return {str(row.get("article_id")): row.get("status") for row in rows}
    return None
