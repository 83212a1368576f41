"""`bench data annotate`: two people label a sample, each without the other, and what they say is compared."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import InputError, printable

if TYPE_CHECKING:
    from bioreview_bench.curation.annotation.agreement import PairwiseAgreement
    from bioreview_bench.curation.annotation.sample import PairCandidate
    from bioreview_bench.curation.annotation.summary import AnnotationSummary
    from bioreview_bench.data.split import Split
    from bioreview_bench.report.blocks import Block


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def annotate() -> None:
    """Let two people check extracted concerns and judge pairs, blinded, and see how far they agree.

    \b
    Examples:
      bench data annotate create my/folder -o pack
      bench data annotate serve pack
      bench data annotate summarize pack -o pairs.jsonl
    """


@annotate.command()
@click.argument("data")
@options.path_option("-o", "--output", metavar="PACK", text="Folder to make.", required=True)
@click.option("--split", default="all", show_default=True, metavar="SPLIT", help="Articles to sample from.")
@click.option("--rater", "raters", multiple=True, metavar="NAME", help="A rater; twice. Default: rater-a, rater-b.")
@click.option("--concerns", type=click.IntRange(min=0), default=60, show_default=True, help="Concerns to check.")
@click.option("--letters", type=click.IntRange(min=0), default=10, show_default=True, help="Letters to search.")
@click.option("--predictions", metavar="FILE", help="Ask about pairs: texts of this file and their references.")
@click.option("--texts", type=click.IntRange(min=1), default=40, show_default=True, help="Texts to judge.")
@click.option("--bins", type=click.IntRange(1, 50), default=8, show_default=True, help="Bins of similarity.")
@options.contract_option("Whose similarity is binned: reader, v3, jaccard, or a TOML file.", "reader")
@options.encoder_path_option
@click.option("--seed", type=int, default=42, show_default=True, help="Decides what is drawn.")
@options.allow_extra_option
@options.quiet_option
def create(
    data: str,
    output: Path,
    split: str,
    raters: tuple[str, ...],
    concerns: int,
    letters: int,
    predictions: str | None,
    texts: int,
    bins: int,
    contract_name: str,
    encoder_path: Path | None,
    seed: int,
    allow_extra: bool,
    quiet: bool,
) -> None:
    """Draw what two raters are asked.

    DATA is a data folder, a file of articles, demo, v3 or v4. Concerns are drawn in proportion to source, category and
    severity, letters to source and format, texts of --predictions so that their pairs lie evenly over the similarity.
    The pack holds no label; key.json, which raters must not see, holds those that the concerns had.

    \b
    Examples:
      bench data annotate create my/folder -o pack --rater ann --rater bob
      bench data annotate create my/folder -o pack --predictions runs/mine/predictions.jsonl --texts 60
    """
    from bioreview_bench.curation.annotation.create import PackWish, make_pack
    from bioreview_bench.curation.annotation.pack import KINDS, PackSources, check_new, write_pack
    from bioreview_bench.data.folder import read_articles
    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.split import Split

    names = raters or ("rater-a", "rater-b")
    if len(names) != 2:
        raise InputError(f"There are two raters, and {len(names)} are named.", remedy="--rater ann --rater bob")
    check_new(output)
    path = Path(data)
    articles = Split.of(read_articles([path])) if path.is_file() else load_split(data, split)
    about = {"data": options.data_name(data, articles.data), "fingerprint": articles.fingerprint, "seed": seed}
    candidates: list[PairCandidate] = []
    if predictions is not None:
        candidates, pairs = _candidates(articles, predictions, contract_name, encoder_path, allow_extra, quiet)
        about |= pairs
    wish = PackWish((names[0], names[1]), concerns, letters, texts, bins)
    pack, key = make_pack(articles, candidates, wish, PackSources.model_validate(about))
    write_pack(output, pack, key)
    drawn = {kind: sum(item.kind == kind for item in pack.items) for kind in KINDS}
    click.echo(
        f"{output}: {drawn['concern']:,} concerns, {drawn['letter']:,} letters and {drawn['pairs']:,} texts "
        f"of {len(pack.articles):,} articles, for {names[0]} and {names[1]}."
    )
    asked = {"concern": concerns, "letter": letters, "pairs": texts if predictions is not None else 0}
    for kind, words in (("concern", "concerns"), ("letter", "letters"), ("pairs", "texts")):
        if drawn[kind] < asked[kind]:
            click.echo(f"{asked[kind]:,} {words} were wanted; {drawn[kind]:,} can be asked about.")
    click.echo(f"Next: bench data annotate serve {shlex.quote(str(output))}")


@annotate.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
def serve(pack: Path, host: str, port: int) -> None:
    """Serve the page to label in, until Ctrl-C.

    Prints a link for each rater: give each only their own. Every answer is on the disk before the page says so; after
    a stop, serve again and the raters go on where they were, with the same links.

    \b
    Examples:
      bench data annotate serve pack
      bench data annotate serve pack --port 9000
    """
    from bioreview_bench.curation.annotation.pack import read_pack
    from bioreview_bench.curation.annotation.server import AnnotationServer, is_loopback
    from bioreview_bench.curation.annotation.session import RaterSession
    from bioreview_bench.files.lock import lock_folder

    read, key = read_pack(pack)
    lock = lock_folder(pack, "it is being served already: stop that first, or use its links")
    try:
        sessions = {token: RaterSession(pack, rater, read, key) for rater, token in key.tokens.items()}
        for session in sessions.values():
            if session.n_torn:
                click.echo(f"An answer of {session.rater} was cut off while it was saved; it is asked again.", err=True)
        with AnnotationServer(host, port, sessions) as server:
            name = f"[{host}]" if ":" in host else host
            for token, session in sessions.items():
                click.echo(f"{session.rater}: http://{name}:{server.server_port}/#{token}")
            if not is_loopback(host):
                click.echo("Warning: other machines reach this address, and nothing is encrypted.", err=True)
            click.echo("Give each rater only their own link. Ctrl-C stops; nothing is lost.")
            try:
                server.serve_forever(poll_interval=0.1)
            except KeyboardInterrupt:
                click.echo(f"Stopped. Next: bench data annotate summarize {shlex.quote(str(pack))}")
            if server.failure is not None:
                raise server.failure
    finally:
        lock.release()


@annotate.command()
@click.argument("pack", type=click.Path(path_type=Path))
@options.path_option("-o", "--output", metavar="FILE.jsonl", text="Write the judged pairs, for bench contract audit.")
@options.draws_option
@options.seed_option
@options.format_option("text", "markdown", "json")
def summarize(pack: Path, output: Path | None, draws: int, seed: int, form: str) -> None:
    """Compare what the two raters said, and write judged pairs.

    Only what both answered is compared. Refused when the pack or an answer was changed afterwards. The exit code is 0
    even where a warning says that labels look copied, filled in or hurried.

    \b
    Examples:
      bench data annotate summarize pack
      bench data annotate summarize pack -o pairs.jsonl
      bench contract audit reader --judgements pairs.jsonl --data my/folder
    """
    from bioreview_bench.curation.annotation.pack import read_pack
    from bioreview_bench.curation.annotation.summary import judged_pairs, read_records
    from bioreview_bench.curation.annotation.summary import summarize as measure
    from bioreview_bench.files.atomic import check_writable, write_files

    if output is not None:
        check_writable(output)
    read, key = read_pack(pack)
    records = read_records(pack, read, key)
    summary = measure(read, key, records, draws, seed)
    rows = judged_pairs(read, records, read.sources.predictions or "") if output is not None else []
    if output is not None:
        if not rows:
            raise InputError("No text was judged by both raters yet.", remedy=f"bench data annotate serve {pack}")
        write_files({output: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()})
    if form == "json":
        options.show_json(asdict(summary))
        return
    options.show(_blocks(summary), form)
    if output is not None and form == "text":
        click.echo(f"{output}: {len(rows):,} texts judged by both.")
        click.echo(f"Next: bench contract audit reader --judgements {shlex.quote(str(output))} --data DATA")


def _candidates(
    articles: Split, predictions: str, contract_name: str, encoder_path: Path | None, allow_extra: bool, quiet: bool
) -> tuple[list[PairCandidate], dict[str, str | None]]:
    """Every predicted text with its similarities, and what they were made of."""
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.curation.annotation.sample import PairCandidate
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.validity.scorers import ContractScorer
    from bioreview_bench.validity.sheets import Question

    contract = Contract.load(contract_name)
    if contract.similarity == "judge":
        raise InputError("A judge gives no similarity to draw by.", remedy="--contract reader")
    path = inputs.there(predictions)
    rows = read_predictions(path, articles, allow_extra=allow_extra)
    writer = path.parent.name if path.name == inputs.ROWS and path.parent.name else path.stem
    questions = []
    for article in articles:
        if article.id in rows and article.concerns:
            texts = tuple(dict.fromkeys(concern.text for concern in rows[article.id].concerns))
            # All references, whatever a contract counts: a reference that a rater does not name is different.
            questions.append(Question(writer, article, article.concerns, texts))
    with options.Messages(quiet) as messages:
        scores = ContractScorer(contract, encoder_path, messages.encoding).scores(questions)
    candidates = [
        PairCandidate(
            question.article.id,
            text,
            {each.concern_id: float(value) for each, value in zip(question.references, row, strict=True)},
        )
        for question, matrix in zip(questions, scores, strict=True)
        for text, row in zip(question.texts, matrix, strict=True)
    ]
    about = {"predictions": writer, "predictions_sha256": rows.sha256, "contract": contract.signature()}
    return candidates, about


_ASKED = {
    "fidelity": "raised in the letter",
    "category": "category",
    "severity": "severity",
    "omissions": "nothing is missing",
    "same": "pairs: same or not",
    "relation": "pairs: all labels",
}


def _blocks(summary: AnnotationSummary) -> list[Block]:
    from bioreview_bench.report.blocks import Notes, Table, figure
    from bioreview_bench.report.meaning import Note

    rows = [[_ASKED[name], *_agreement(each)] for name, each in summary.agreement.items()]
    none = Notes("Agreement of the two raters", [Note("warning", "Nothing was answered by both yet.")])
    header = ["", "n", "agree", "95% CI", "kappa", "95% CI", "alpha"]
    found: list[Block] = [Table(none.title, header, rows) if rows else none, _raters(summary)]
    bins = [
        [
            f"{each.low:.2f} to {each.high:.2f}",
            *map(str, (each.n_pairs, each.n_both_same, each.n_both_related, each.n_agree)),
        ]
        for each in summary.bins
    ]
    if bins:
        found.append(
            Table("Pairs by similarity", ["similarity", "pairs", "both same", "same or related", "agree"], bins)
        )
    if summary.omission_overlap is not None:
        said = f"Of what either rater marked as missing, both marked {figure(summary.omission_overlap)} (Dice)."
        found.append(Notes("Omissions", [Note("info", said)]))
    if summary.warnings:
        found.append(Notes("Warnings", [Note("warning", printable(text, 400)) for text in summary.warnings]))
    return found


def _agreement(each: PairwiseAgreement) -> list[str]:
    from bioreview_bench.report.blocks import DASH, figure

    bounds = [
        DASH if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
        for interval in (each.raw_interval, each.kappa_interval)
    ]
    return [f"{each.n:,}", figure(each.raw), bounds[0], figure(each.kappa), bounds[1], figure(each.alpha)]


def _raters(summary: AnnotationSummary) -> Block:
    from bioreview_bench.report.blocks import DASH, Table, figure

    rows: dict[str, list[str]] = {}
    for work in summary.raters.values():
        shown = {
            "answered": f"{work.n_done:,} of {work.n_items:,}{' (finished)' if work.finished else ''}",
            "taken back": str(work.n_undone),
            "minutes": f"{sum(work.seconds.values()) / 60:.1f}",
            **{
                f"seconds a {kind} (median)".replace("a pairs", "a text"): f"{work.median_seconds[kind]:.0f}"
                if kind in work.median_seconds
                else DASH
                for kind in summary.n_both
            },
            "concerns faithful, in part, wrong": ", ".join(map(str, work.fidelity.values())),
            "letters with missing points": str(work.n_letters_with_omissions),
            "missing points": str(work.n_omissions),
            "kappa with the category before": figure(work.category_kappa),
            "kappa with the severity before": figure(work.severity_kappa),
            "receipt": work.receipt or DASH,
        }
        for name, value in shown.items():
            rows.setdefault(name, []).append(value)
    return Table("Raters", ["", *summary.raters], [[name, *values] for name, values in rows.items()])
