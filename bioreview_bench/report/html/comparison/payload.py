"""The article browser of a comparison as JSON that is harmless inside a script element.

Similarities are whole thousandths. The layout of the arrays is read by assets/comparison/data.js.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.data.article import Article
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, normalise, sources_in_order
from bioreview_bench.report.html.comparison.systems import ComparedSystem
from bioreview_bench.report.html.evidence import ArticlePairs
from bioreview_bench.report.html.payload import escaped_json, prediction_fields, reference_fields, text_at
from bioreview_bench.report.html.words import label, name, source_name, visible

LARGEST = 25_000_000  # bytes of JSON, which a browser opens in about a second
_CUTS = (None, 400, 200, 100, 50, 0)  # characters of a text


def payload(systems: Sequence[ComparedSystem], split: Split | None, largest: int = LARGEST) -> tuple[str, int | None]:
    """Everything that the browser shows, as escaped JSON, and the characters to which texts were cut (None: not).

    Texts of references are those of `split`. Texts are cut where the whole would have more than `largest` bytes.
    """
    for cut in _CUTS:
        data = escaped_json(_value(systems, split, cut))
        if len(data.encode()) <= largest:
            break
    return data, cut


def _value(systems: Sequence[ComparedSystem], split: Split | None, cut: int | None) -> dict[str, Any]:
    articles = {article.id: article for article in split or ()}
    rows = list(zip(*(system.record.articles for system in systems), strict=True))
    sources = sources_in_order(of_article[0]["source"] for of_article in rows)
    return {
        "systems": [name(system.name) for system in systems],
        "categories": [label(category) for category in CATEGORIES],
        "severities": list(SEVERITIES),
        "sources": {source: source_name(source) for source in sources},
        "articles": [_article(of_article, systems, articles.get(of_article[0]["id"]), cut) for of_article in rows],
    }


def _article(
    rows: Sequence[Mapping[str, Any]], systems: Sequence[ComparedSystem], article: Article | None, cut: int | None
) -> list[Any]:
    """[id, source, title, [status of each system], references, [predictions of each system]]."""
    article_id = rows[0]["id"]
    found = [system.pairs.of(article_id) for system in systems]
    wordings = {concern.concern_id: concern.text for concern in article.concerns} if article else {}
    title = visible(normalise(article.title or "")) if article else ""
    return [
        name(article_id),
        name(rows[0]["source"]),
        title,
        [name(row["status"]) for row in rows],
        _references(article_id, found, systems, wordings, cut),
        [_predictions(article_id, *pair, cut) for pair in zip(found, systems, strict=True)],
    ]


def _references(
    article_id: str,
    found: Sequence[ArticlePairs],
    systems: Sequence[ComparedSystem],
    wordings: Mapping[str, str],
    cut: int | None,
) -> list[Any]:
    """[name, category, severity, text, [[match, similarity, nearest, its similarity, 1 if eligible] by system]]."""
    thresholds = [float(system.record.contract["threshold"]) for system in systems]
    rows = []
    for of_systems in zip(*(pairs.references for pairs in found), strict=True):
        fields = [reference_fields(row, article_id, limit) for row, limit in zip(of_systems, thresholds, strict=True)]
        text = _cut(wordings.get(of_systems[0]["concern_id"]), cut)
        rows.append([*fields[0][:3], text, [each[3:] for each in fields]])
    return rows


def _predictions(article_id: str, pairs: ArticlePairs, system: ComparedSystem, cut: int | None) -> list[Any]:
    """[category, severity, match, nearest, its similarity, 1 if eligible, text]."""
    place = {reference["concern_id"]: position for position, reference in enumerate(pairs.references)}
    written = system.texts.get(article_id, ())
    rows = []
    for row in pairs.predictions:
        category, severity, _, match, *_, nearest, similarity, eligible = prediction_fields(
            row, place, float(system.record.contract["threshold"])
        )
        text = _cut(text_at(written, row["index"]), cut)
        rows.append([category, severity, match, nearest, similarity, eligible, text])
    return rows


def _cut(text: str | None, cut: int | None) -> str | None:
    """A text as it may be shown; None where there is none to show."""
    if text is None or cut == 0:
        return None
    return visible(text if cut is None or len(text) <= cut else text[: cut - 1] + "…")
