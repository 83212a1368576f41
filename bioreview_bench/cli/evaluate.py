"""`bench evaluate`.

`--fail-under METRIC=VALUE`: let a pipeline stop when a score is too low.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.cli.judge import consistency_option, judge_backends, judge_options, print_plan
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, is_source
from bioreview_bench.errors import InputError, Needs, printable
from bioreview_bench.files.atomic import check_writable, write_files
from bioreview_bench.report.slices import as_plain, slice_fields, slice_tables, slices_of
from bioreview_bench.results.records import Controls, Overall, PerCategory, PerSeverity, Record, ResultRecord

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.predictions import Predictions
    from bioreview_bench.data.split import Split
    from bioreview_bench.results.result import Result
    from bioreview_bench.results.validity import ValidityCard
    from bioreview_bench.scoring.backends import Backend, Progress

_RESULT_SUFFIX = ".result.json"


@click.command()
@click.argument("predictions")
@options.data_option
@options.split_option
@options.contract_option(
    "v3, reader, judge:openai:MODEL (or google, vllm), demo, jaccard, or a TOML file; several as v3,reader."
)
@options.encoder_option
@options.encoder_path_option
@options.precision_option("fp32", "bf16", "exact-bf16")
@options.path_option(
    "-o",
    "--output",
    metavar="R.result.json",
    text="Write the result (and R.pairs.parquet); of several contracts R.NAME.result.json each.",
)
@options.path_option(
    "--html",
    metavar="FILE",
    text="Write a report for the browser, too (with --sweep); of several contracts FILE.NAME.html each.",
)
@options.limit_option
@options.allow_extra_option
@options.require_complete_option
@options.allow_unfrozen_option
@click.option(
    "--controls",
    type=click.Choice(["full", "basic"]),
    default="full",
    show_default=True,
    help="basic leaves out echo and generic.",
)
@click.option("--sweep", is_flag=True, help="Also score at thresholds from 0.05 to 0.95, without encoding again.")
@click.option(
    "--system-name", metavar="TEXT", help="Default: what run.json next to the predictions says, else the file's name."
)
@click.option("--system-version", metavar="TEXT", help="Of the system, for the record.")
@click.option(
    "--postprocessing",
    metavar="TEXT",
    help="What was done to the predictions. Default: what run.json next to them says.",
)
@options.draws_option
@options.seed_option
@options.format_option("text", "json", "markdown")
@click.option(
    "--by",
    multiple=True,
    metavar="FIELD,...",
    help="Slices: stance, was_valid, review_format, year, or any field of articles with one value.",
)
@click.option("--full", is_flag=True, help="Print the tables, too; without it the verdict only.")
@options.quiet_option
@options.all_option
@click.option(
    "--fail-under",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit 2 when a metric is lower (f1, recall, skill, per_category.other.f1).",
)
@judge_options
@consistency_option
def evaluate(
    predictions: str,
    data: str,
    split: str,
    contract_name: str | None,
    encoder: str | None,
    encoder_path: Path | None,
    precision: str | None,
    output: Path | None,
    html: Path | None,
    limit: int | None,
    allow_extra: bool,
    require_complete: bool,
    allow_unfrozen: bool,
    controls: Literal["full", "basic"],
    sweep: bool,
    system_name: str | None,
    system_version: str | None,
    postprocessing: str | None,
    draws: int,
    seed: int,
    form: str,
    by: tuple[str, ...],
    full: bool,
    quiet: bool,
    fail_under: tuple[str, ...],
    **judging: Any,
) -> int:
    """Score PREDICTIONS (a JSONL file, a run's folder, - for standard input, or demo:NAME) and print the verdict.

    --full prints all tables, too. Nothing is written without -o, nothing is downloaded, and nothing is replaced: a
    missing encoder is an error.

    \b
    Examples:
      bench evaluate predictions.jsonl --data v3 --split test -o mine.result.json
      bench evaluate demo:careful
      bench evaluate runs/bm25-test --data demo
      bench evaluate predictions.jsonl --data my/folder --by stance,was_valid,year
      bench evaluate predictions.jsonl --data v3=/my/files --format json --quiet
      bench evaluate predictions.jsonl --data v3 --fail-under skill=0.1
      bench evaluate predictions.jsonl --data v3 --contract v3,reader -o mine.result.json
      bench evaluate predictions.jsonl --data v3 --contract judge:openai:gpt-4o-mini --prices prices.toml --dry-run
    """
    from bioreview_bench.data.load import default_contract
    from bioreview_bench.results.records import System
    from bioreview_bench.results.result import pairs_path
    from bioreview_bench.results.run_manifest import run_of
    from bioreview_bench.scoring.run import score

    limits = [Limit.parse(text) for text in fail_under]
    data, contract_name = inputs.implied(predictions, data, contract_name)
    names = options.contract_names(contract_name or default_contract(data))
    inputs.require_suffix(output, (".json",), "-o", "the result as JSON")
    inputs.require_suffix(html, (".html", ".htm"), "--html", "a page for the browser")
    runs = _runs(names, encoder, encoder_path, precision, output, html)
    for run in runs:
        for written in (run.output, run.output and pairs_path(run.output), run.html):
            if written is not None:
                check_writable(written)
    needs = Needs(inputs.trial())
    articles, rows = inputs.read_scored(
        needs, predictions, data, split, limit=limit, allow_extra=allow_extra, allow_unfrozen=allow_unfrozen
    )
    for run in runs:
        with needs.gather():
            inputs.require_encoder(run.contract, run.encoder_path)
    fields = slice_fields(by, articles) if articles is not None else {}
    messages = options.Messages(quiet)
    judges = judge_backends([run.contract for run in runs], messages, **judging)
    if needs.parts and not judging["dry_run"]:
        for judge in filter(None, judges):
            judge.judge.gather(needs)  # alone they are needed only where a question has no stored answer
    needs.require()
    assert articles is not None
    assert rows is not None
    assert rows.path is not None
    made_by = run_of(rows.path)
    if made_by.ignored:
        messages.say(made_by.ignored)
    if judging["dry_run"]:
        for judge in filter(None, judges):
            print_plan(judge, articles, [rows], controls=controls, form=form)
        return 0
    system = System(
        name=system_name or made_by.name(rows.path.stem),
        version=system_version,
        postprocessing=postprocessing or made_by.postprocessing,
    )
    results = []
    with messages:
        # All encoders are there, and genuine, before anything is scored.
        backends = [judge or run.backend(precision, messages.encoding) for run, judge in zip(runs, judges, strict=True)]
        for run, backend in zip(runs, backends, strict=True):
            if len(runs) > 1:
                messages.say(f"Scoring under {run.contract.name} ...")
            result = score(
                articles,
                rows,
                run.contract,
                draws=draws,
                seed=seed,
                controls=controls,
                system=system,
                backend=backend,
                require_complete=require_complete,
                sweep=sweep or html is not None,
                card=run.card,
            )
            results.append(result)
    for run, result in zip(runs, results, strict=True):
        _write(run, result, rows, articles, messages)
    sliced = [slices_of(result, fields, draws, seed) for result in results] if fields else []
    _print([result.record for result in results], form, full, [as_plain(each) for each in sliced])
    if form != "json":
        for result, each in zip(results, sliced, strict=False):
            where = f" under {printable(result.record.contract['name'])}" if len(results) > 1 else ""
            tables = slice_tables(each, fields)
            options.show([replace(table, title=f"{table.title}{where}") for table in tables], form)
    violations = [violation for limit in limits for result in results if (violation := limit.violation(result.record))]
    for violation in violations:
        click.echo(f"Below the limit: {violation}", err=True)
    return 2 if violations else 0


@dataclass(frozen=True)
class _Run:
    """One of the contracts that are asked for: where its encoder is, its card, and the files to write."""

    contract: Contract
    encoder_path: Path | None
    card: ValidityCard | None
    output: Path | None
    html: Path | None

    def backend(self, precision: str | None, progress: Progress) -> Backend:
        """What compares its texts. Raises EncoderError, InputError."""
        from bioreview_bench.scoring.backends import choose

        exact = options.exact_backend(self.contract, precision, self.encoder_path, progress)
        return exact or choose(self.contract, None, self.encoder_path, progress)


def _runs(
    names: Sequence[str],
    encoder: str | None,
    encoder_path: Path | None,
    precision: str | None,
    output: Path | None,
    html: Path | None,
) -> list[_Run]:
    """The contracts of these names and files. Of several, each has files of its own: R.NAME.result.json.

    `encoder_path` then belongs to all that have the first one's encoder. Raises InputError.
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.results.validity import load_card

    several = len(names) > 1
    if several and encoder is not None:
        raise InputError("--encoder makes one contract.", remedy="name one --contract, or leave --encoder out")
    runs: dict[str, _Run] = {}
    for name in names:
        contract = Contract.load(name)
        first = next((run.contract for run in runs.values()), contract)
        where = encoder_path if contract.encoder == first.encoder else None
        contract, where = options.with_encoder(contract, encoder, where)
        contract = options.with_precision(contract, precision)
        label = re.sub(r"[^A-Za-z0-9._-]+", "-", contract.name)
        if label in runs:
            raise InputError(f"Two contracts are called {label}.", remedy="give one of them another name in its file")
        files = [_labelled(path, label) if several and path else path for path in (output, html)]
        runs[label] = _Run(contract, where, load_card(name), *files)
    return list(runs.values())


def _labelled(path: Path, label: str) -> Path:
    """`mine.result.json` as `mine.reader.result.json`."""
    ending = _RESULT_SUFFIX if path.name.endswith(_RESULT_SUFFIX) else path.suffix
    return path.with_name(f"{path.name.removesuffix(ending)}.{label}{ending}")


def _write(run: _Run, result: Result, rows: Predictions, articles: Split, messages: options.Messages) -> None:
    """The files of one contract. Raises WriteError."""
    from bioreview_bench.results.result import pairs_path

    if run.output is not None:
        result.save(run.output)
        messages.say(f"Wrote {run.output} and {pairs_path(run.output)}.")
    if run.html is not None:
        from bioreview_bench.report.html import compose

        page = compose(result, rows, articles)
        write_files({run.html: page.html.encode("utf-8")})
        for omission in page.omissions:
            messages.say(f"Left out of the report. {omission.reason}")
        messages.say(f"Wrote {run.html}.")


def _print(records: Sequence[ResultRecord], form: str, full: bool, slices: Sequence[dict[str, Any]] = ()) -> None:
    """The result; several ones, of as many contracts, side by side, and in JSON as a list under `results`.

    Slices, in JSON only, are a list beside it.
    """
    if form == "json":
        plain = [record.model_dump(mode="json") for record in records]
        found = plain[0] if len(plain) == 1 else {"results": plain}
        if slices:
            found = {"results": plain, "slices": slices}
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import blocks
    from bioreview_bench.report.columns import side_by_side, verdicts
    from bioreview_bench.report.verdict import verdict

    brief = form == "text" and not full
    following = options.same_command("--full") if brief else ""
    if len(records) == 1:
        options.show([verdict(records[0], following), *([] if brief else blocks(records[0]))], form)
    else:
        options.show(verdicts(records, following) if brief else side_by_side(records), form)


_SECTIONS: dict[str, type[Record]] = {"overall": Overall, "controls": Controls}
_NAMED: dict[str, type[Record]] = {"per_category": PerCategory, "per_severity": PerSeverity, "per_source": Overall}
_REMEDY = "--fail-under f1=0.3, --fail-under skill=0.1 or --fail-under per_category.design_flaw.recall=0.2"


@dataclass(frozen=True)
class Limit:
    """The least value of one metric, named by its path in a result."""

    path: tuple[str, ...]
    least: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read `METRIC=VALUE`. Raises InputError for an unknown metric or a value that is no number."""
        name, _, value = text.partition("=")
        try:
            least = float(value)
        except ValueError:
            least = math.nan
        path = _path(name)
        if path is None or not math.isfinite(least):
            raise InputError(f'--fail-under "{printable(text)}" names no metric and number.', remedy=_REMEDY)
        return cls(path, least)

    def violation(self, record: ResultRecord) -> str | None:
        """In words, when the metric is lower or undefined; else None."""
        value: object = record.model_dump()
        for part in self.path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, int | float) and value >= self.least:
            return None
        shown = f"{value:.4f}" if isinstance(value, int | float) else "undefined"
        where = f"{'.'.join(self.path)} (contract {printable(record.contract['name'])})"
        return f"{where} is {shown}; at least {self.least} was asked for."


def _path(name: str) -> tuple[str, ...] | None:
    parts = tuple(name.split("."))
    if len(parts) == 1:
        return next(((section, name) for section, record in _SECTIONS.items() if name in record.model_fields), None)
    if len(parts) == 2 and parts[0] in _SECTIONS and parts[1] in _SECTIONS[parts[0]].model_fields:
        return parts
    if len(parts) == 3 and parts[0] in _NAMED:
        section, name, metric = parts
        labels = CATEGORIES if section == "per_category" else SEVERITIES
        known = is_source(name) if section == "per_source" else name in labels
        if known and metric in _NAMED[section].model_fields:
            return parts
    return None
