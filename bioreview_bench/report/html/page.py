"""Putting the page together: from a result to what the templates show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError
from bioreview_bench.report.blocks import Facts, Notes, blocks
from bioreview_bench.report.html import environment as assets
from bioreview_bench.report.html import headline, tables
from bioreview_bench.report.html.evidence import Omission, Pairs, read_pairs, read_texts
from bioreview_bench.report.html.figures import figures
from bioreview_bench.report.html.payload import payload
from bioreview_bench.report.html.words import label, moment, name, source_name
from bioreview_bench.report.meaning import Note, notes
from bioreview_bench.results.legacy import HistoricResult
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.result import Result

_SECTIONS = (
    ("summary", "Scores"),
    ("charts", "Charts"),
    ("tables", "Tables"),
    ("articles", "Articles"),
    ("method", "Method"),
)
_LABELS = ("category", "severity", "reference_category", "reference_severity")


@dataclass(frozen=True)
class Page:
    """The report, and what is not in it."""

    html: str
    omissions: tuple[Omission, ...]


def compose(result: Result | HistoricResult, predictions: Predictions | None, split: Split | None) -> Page:
    """The page on a result. Raises InputError as `render` does."""
    if isinstance(result, HistoricResult):
        raise InputError(
            "A reported record has no articles, pairs or controls to show.",
            remedy="evaluate the predictions themselves: bench evaluate PREDICTIONS -o R.result.json",
        )
    _check_threshold(result.record)
    # Through the table, which holds numbers where a file of somebody else's may hold anything.
    record = result.record.model_copy(update={"articles": result.counts.to_rows()})
    pairs = read_pairs(result)
    texts = read_texts(result, pairs, predictions, split)
    drawn = figures(record, pairs)
    left_out = [(figure.title, figure.omission) for figure in drawn if figure.omission not in (None, pairs)]
    script = assets.script()
    found = notes(record)
    context: dict[str, Any] = {
        "policy": assets.policy(script),
        "style": assets.style(),
        "script": script,
        "sections": [section for section in _SECTIONS if section[0] != "charts" or len(drawn) > len(left_out)],
        "title": name(f"{record.system.name} {record.system.version or ''}".strip()),
        "identity": _identity(record),
        "system": name(record.system.name),
        "version": name(record.system.version or ""),
        "byline": _byline(record),
        "signature": parts(name(record.signature)),
        "alarms": [note for note in found if note.level == "alarm"],
        "warnings": [note for note in found if note.level == "warning"],
        "remarks": [note for note in found if note.level == "info"],
        "cards": headline.cards(record),
        "controls": headline.control_rows(record),
        "coverage": headline.coverage(record),
        "coverage_details": _said(record, "Coverage")[1:],
        "figures": [figure for figure in drawn if not figure.omission],
        "left_out": left_out,
        "tables": [found for found in tables.tables(record) if found.rows],
        "confusions": tables.confusion_tables(record),
        "gate": _said(record, "Gate of the predecessor board"),
        "pairs_omission": pairs if isinstance(pairs, Omission) else None,
        "texts_omission": texts if isinstance(texts, Omission) else None,
        "choices": _choices(record, pairs),
        "data": Markup(payload(record, pairs, texts)),  # noqa: S704 - escaped_json made it harmless
        "provenance": _provenance(record),
    }
    html = assets.environment().get_template("page.html").render(context)
    omissions = [found for found in (*(figure.omission for figure in drawn), _missing(pairs), _missing(texts)) if found]
    return Page(html, tuple(dict.fromkeys(omissions)))


def _check_threshold(record: ResultRecord) -> None:
    threshold = record.contract.get("threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or "name" not in record.contract:
        raise InputError("The contract of this result has no name or no threshold.", remedy="evaluate again")


def parts(signature: str) -> list[str]:
    """Parts between which a signature may be broken; together they are the signature."""
    parts = signature.split("|")
    return [f"{part}|" for part in parts[:-1]] + parts[-1:]


def _missing(found: object) -> Omission | None:
    return found if isinstance(found, Omission) else None


def _byline(record: ResultRecord) -> str:
    """What was scored by what, in one line; the whole of it is folded below the scores."""
    data, contract = record.data, record.contract
    said = f"contract {contract['name']} · {data.name}, split {data.split}, {record.coverage.n_articles:,} articles"
    processing = record.system.postprocessing
    return name(said if processing == "none" else f"{said} · post-processing: {processing}")


def _identity(record: ResultRecord) -> list[tuple[str, str]]:
    facts = next(block for block in blocks(record) if isinstance(block, Facts))
    data = dict(facts.rows)["Data"]
    encoder = record.encoder
    shown = "none" if encoder.id is None else f"{encoder.id} ({'' if encoder.verified else 'not '}verified)"
    return [
        ("Contract", name(f"{record.contract['name']}, threshold {record.contract['threshold']:g}")),
        ("Data", name(data)),
        ("Encoder", name(shown)),
        ("Post-processing", name(record.system.postprocessing)),
        ("Evaluated", moment(record.provenance.started)),
    ]


def _said(record: ResultRecord, title: str) -> list[Note]:
    """The sentences of the text report under a title."""
    return [
        note for block in blocks(record) if isinstance(block, Notes) and block.title == title for note in block.notes
    ]


def _choices(record: ResultRecord, pairs: Pairs | Omission) -> dict[str, list[tuple[str, str]]]:
    """Values and words of the article browser's filters: only labels that occur, on either side."""
    found = [row for part in pairs.articles.values() for row in part.rows] if isinstance(pairs, Pairs) else []
    occurring = {row[key] for row in found for key in _LABELS}
    return {
        "category": [(str(place), label(named)) for place, named in enumerate(CATEGORIES) if named in occurring],
        "severity": [(str(place), label(named)) for place, named in enumerate(SEVERITIES) if named in occurring],
        "source": [(source, source_name(source)) for source in record.per_source],
    }


def _provenance(record: ResultRecord) -> list[tuple[str, str]]:
    made = record.provenance
    encoder, bootstrap = record.encoder, record.bootstrap
    commit = made.git.commit or "none (an installed package)"
    libraries = ", ".join(f"{library} {version}" for library, version in made.libraries.items())
    return [
        ("Package", name(f"bioreview-bench {made.package}")),
        ("Commit", name(f"{commit}{' with changes' if made.git.dirty else ''}")),
        ("Libraries", name(libraries)),
        ("Device", name(made.device or "none: every vector came from the cache, or none was needed")),
        ("Encoder revision", name(encoder.revision or "none")),
        ("Weights sha256", name(encoder.weights_sha256 or "none")),
        ("Predictions sha256", name(made.predictions_sha256 or "none: they came from no file")),
        ("Data fingerprint", name(made.data_fingerprint)),
        (
            "Intervals",
            f"{bootstrap.draws:,} draws over {bootstrap.n_units:,} families of articles, seed {bootstrap.seed}"
            if bootstrap.draws
            else "none: evaluated with --draws 0",
        ),
        ("Evaluated", f"{moment(made.started)}, in {made.seconds:,.1f} s"),
    ]
