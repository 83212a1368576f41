"""The page of one system: its figures under every contract, its card, its history, and how to cite it.

A BibTeX entry for a system's score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.report.html.charts.whiskers import Group, WhiskerRow, whisker_chart
from bioreview_bench.report.html.headline import Control, HeadlineCard, card, controls_beside
from bioreview_bench.report.html.words import figure, name
from bioreview_bench.report.meaning import saturation

from ...ranking.badges import TEXTS
from ...ranking.view import SOURCES, BoardTable, ContractScore, Row, SystemView
from ...store.disclosure import FEW, FEW_OF_A_KIND
from ...store.shown import Figure
from ..site import Site, bounded, disclosed, part_name, place
from .board import signature_parts
from .table import part_figure

_NEAR = 24  # systems that a page offers for a comparison
_URLS = {"url": "Page", "paper_url": "Paper", "code_url": "Code", "model_url": "Model"}
_METRICS = ("recall", "precision", "f1")
_PARTS = {"per_category": "By category", "per_source": "By source", "per_severity": "By severity"}


def system_page(site: Site, system: SystemView, tables: Sequence[BoardTable], hub_dataset: str | None = None) -> str:
    """The page. `tables`: those of its split, for comparisons; `hub_dataset`: the board's benchmark on the Hub."""
    first = system.scores[0] if system.scores else None
    return site.render(
        "system.html",
        "system",
        system=system,
        first=first,
        badges=[TEXTS[badge] for badge in first.row.badges] if first else [],
        blocks=[_block(score) for score in system.scores],
        facts=_facts(system),
        training=_training(system),
        rivals=_rivals(site, system, tables),
        citation=bibtex(system, first) if first else "",
        said=_said(system, first),
        urls=[(words, system.card[field]) for field, words in _URLS.items() if system.card.get(field)],
        rivals_page=_rivals_page(site, system, tables),
        hub_dataset=hub_dataset if first and first.row.band is not None else None,
        badge_markup=_badge_markup(site, system),
        few=FEW,
        few_of_a_kind=FEW_OF_A_KIND,
    )


def _said(system: SystemView, first: ContractScore | None) -> str:
    """The page in a sentence, for search engines and previews."""
    about = f"{name(system.system)} {name(system.version)} by {name(system.team)}"
    if first is None:
        return f"{about}, on {name(system.data)}/{name(system.split)}."
    row = first.row
    score = f"F1 {figure(row.f1.value)} {bounded(row.f1)}, {place(row)}"
    return f"{about}: {score}, on {name(system.data)}/{name(system.split)} under contract {name(first.label)}."


def _badge_markup(site: Site, system: SystemView) -> str:
    """Markdown that shows the badge elsewhere; nothing where the board does not know its address."""
    page, picture = site.links.system(system.submission), site.links.system_file(system.submission, "svg")
    there = site.links.absolute(page), site.links.absolute(picture)
    return f"[![score]({there[1]})]({there[0]})" if all(there) else ""


def cards(row: Row) -> list[HeadlineCard]:
    """The headline figures."""
    matched = f"about {row.n_matched:,}"
    meanings = {
        "f1": "recall and precision in one figure",
        "skill": "share of the room above chance",
        "recall": f"{matched} of {row.n_ref:,} references found",
        "precision": f"{matched} of {row.n_pred:,} concerns matched",
        "recall_major": "of the concerns called major",
    }
    found = []
    for field, meaning in meanings.items():
        value: Figure = getattr(row, field)
        if field == "recall_major" and value.value is None:
            continue
        saturated = field == "skill" and row.saturated
        found.append(card(SOURCES[field].title, value.value, value.bounds, meaning, saturated=saturated))
    return found


def controls(row: Row) -> list[Control]:
    """This system between what chance makes and what is possible."""
    return controls_beside({**row.model_dump(), "f1": row.f1.value}, row.f1.bounds)


def parts(score: ContractScore) -> list[dict[str, Any]]:
    """Figures by category, source and severity, those that are published: a chart and the table behind it."""
    return [_part(score, kind, title) for kind, title in _PARTS.items() if _published(getattr(score.row, kind))]


def _published(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The parts that have figures."""
    return {one: part for one, part in found.items() if part_figure(part, "recall").value is not None}


def _block(score: ContractScore) -> dict[str, object]:
    return {
        "score": score,
        "cards": cards(score.row),
        "controls": controls(score.row),
        "parts": parts(score),
        "saturation": saturation(f"{score.row.null_match_rate or 0:.1%}") if score.row.saturated else "",
        "signature": signature_parts(score.row.signature),
        "after": score.after_cutoff,
    }


def _part(score: ContractScore, kind: str, title: str) -> dict[str, Any]:
    found = getattr(score.row, kind)
    severity = kind == "per_severity"
    metrics = ("recall",) if severity else _METRICS
    groups = [
        Group(
            part_name(kind, one),
            f"{part['n_ref']:,}",
            _estimate(part_figure(part, "recall")),
            None if severity else _estimate(part_figure(part, "precision")),
        )
        for one, part in _published(found).items()
    ]
    rows = []
    for one, part in found.items():
        figures = [part_figure(part, metric) for metric in metrics]
        rows.append(
            (
                part_name(kind, one),
                [(f"{part['n_ref']:,}", ""), *((figure(value.value), bounded(value)) for value in figures)],
            )
        )
    chart = whisker_chart(f"{score.contract.replace('.', '-')}-{kind}", f"{title}, {score.label}", groups)
    header = [title.removeprefix("By "), "references", *(metric.replace("f1", "F1") for metric in metrics)]
    return {"title": title, "chart": chart, "header": header, "rows": rows}


def _estimate(value: Figure) -> WhiskerRow:
    return WhiskerRow(value.value, value.bounds)


def _facts(system: SystemView) -> list[tuple[str, str]]:
    card = system.card
    cost = card["cost_usd"]
    return [
        ("Team", name(system.team)),
        ("Organisation", name(card["organisation"])),
        ("Base model", name(card["base_model"])),
        ("Parameters", name(card["parameters"] or "not stated")),
        ("Open weights", disclosed(card["open_weights"])),
        ("Post-processing", name(card["postprocessing"])),
        ("Cost of the run", "not stated" if cost is None else f"{cost:,.2f} USD"),
        ("Date of the run", name(card["date"])),
        ("Prompt sha256", name(card["prompt_sha256"] or "not stated")),
        ("Predictions sha256", name(system.predictions_sha256)),
    ]


def _training(system: SystemView) -> list[tuple[str, str, bool]]:
    """(question, answer, whether it leaves something open)."""
    card = system.card["training_data"]
    asked = [
        ("Saw v3 train", card["saw_v3_train"]),
        ("Saw v4 train", card["saw_v4_train"]),
        ("Saw the test journals", card["saw_test_journals"]),
    ]
    found = [(question, disclosed(answer), answer == "undisclosed") for question, answer in asked]
    cutoff = card["cutoff"]
    return [*found, ("Training cut-off", name(cutoff or "not disclosed"), cutoff is None)]


def _first_table(system: SystemView, tables: Sequence[BoardTable]) -> BoardTable | None:
    """The table of the first contract under which the system has a score."""
    found = next((one for one in tables if system.scores and one.contract == system.scores[0].contract), None)
    here = found is not None and any(row.submission == system.submission for row in found.rows)
    return found if here else None


def _rivals_page(site: Site, system: SystemView, tables: Sequence[BoardTable]) -> str:
    """Where a server compares the system with any other."""
    table = _first_table(system, tables)
    return site.links.tests(table, s=system.submission) if table is not None and site.links.live else ""


def _rivals(site: Site, system: SystemView, tables: Sequence[BoardTable]) -> list[tuple[str, str, str]]:
    """(name, address of the comparison, band) of the ranked systems nearest to it under the first contract."""
    table = _first_table(system, tables)
    if table is None:
        return []
    place = next(place for place, row in enumerate(table.rows) if row.submission == system.submission)
    near = table.rows[max(0, place - _NEAR // 2) : place + _NEAR // 2 + 1]
    found = []
    for row in near:
        href = site.links.compare(table, system.submission, row.submission)
        if row.submission != system.submission and row.band is not None and href is not None:
            found.append((name(f"{row.system} {row.version}"), href, str(row.band)))
    return found


_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "@": r"{@}",
    '"': r"{''}",
}
_KEY = re.compile(r"[^a-z0-9]+")


def bibtex(system: SystemView, score: ContractScore) -> str:
    """The entry; texts of the card cannot end a field or begin a command."""
    year = system.card["date"][:4]
    row = score.row
    place = f"{name(system.title)}, {name(system.data)}/{name(system.split)}, contract {name(score.label)}"
    note = f"F1 {figure(row.f1.value)}, submission {system.submission}, signature {name(row.signature)}"
    fields = {
        "title": f"{{{_escaped(system.system)} {_escaped(system.version)}}}",
        "author": f"{{{_escaped(system.card['organisation'])}}}",
        "year": year,
        "howpublished": _escaped(place),
        "note": _escaped(note.replace("−", "-")),
    }
    if system.card["url"]:
        fields["url"] = re.sub(r"[{}\\\s%]", "", system.card["url"])
    key = _KEY.sub("", system.system.casefold())[:20] or "system"
    body = "".join(f"  {field} = {{{value}}},\n" for field, value in fields.items())
    return f"@misc{{{key}{year}{system.submission[-4:]},\n{body}}}\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in name(text))
