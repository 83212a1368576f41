"""The article browser's data: compact arrays, as JSON that is harmless inside a script element.

Similarities are whole thousandths. The layout of the arrays is read by assets/data.js.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, sources_in_order
from bioreview_bench.report.html.evidence import ArticlePairs, Omission, Pairs, Texts
from bioreview_bench.report.html.words import label, name, source_name, visible
from bioreview_bench.results.records import ResultRecord

# "<" could end the script element or open a comment in it; the separators end a line in old script engines.
_UNSAFE = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def payload(record: ResultRecord, pairs: Pairs | Omission, texts: Texts | Omission) -> str:
    """Everything that the article browser shows, as escaped JSON."""
    shown = texts if isinstance(texts, Texts) else None
    sources = sources_in_order(row["source"] for row in record.articles)
    value = {
        "texts": shown is not None,
        "threshold": record.contract["threshold"],
        "categories": [label(category) for category in CATEGORIES],
        "severities": list(SEVERITIES),
        "sources": {source: source_name(source) for source in sources},
        "articles": [
            _article(row, pairs.of(row["id"]) if isinstance(pairs, Pairs) else None, shown, record)
            for row in record.articles
        ],
    }
    return escaped_json(value)


def escaped_json(value: Any) -> str:
    """JSON that holds no `<`, `>`, `&` and no line separators, in any string."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _article(
    row: Mapping[str, Any], pairs: ArticlePairs | None, texts: Texts | None, record: ResultRecord
) -> list[Any]:
    head = [name(row["id"]), name(row["source"]), name(row["status"]), row["n_ref"], row["n_pred"], row["n_matched"]]
    title = texts.titles.get(row["id"], "") if texts else ""
    if pairs is None:
        return [*head, row["n_excluded"], title]
    threshold = float(record.contract["threshold"])
    place = {reference["concern_id"]: position for position, reference in enumerate(pairs.references)}
    wordings = texts.references.get(row["id"], {}) if texts else {}
    written = texts.predictions.get(row["id"], ()) if texts else ()
    references = [
        [*reference_fields(reference, row["id"], threshold), *_wording(wordings.get(reference["concern_id"]))]
        for reference in pairs.references
    ]
    predictions = [
        [*prediction_fields(prediction, place, threshold), *_wording(text_at(written, prediction["index"]))]
        for prediction in pairs.predictions
    ]
    return [*head, row["n_excluded"], title, references, predictions]


def reference_fields(row: Mapping[str, Any], article_id: str, threshold: float) -> list[Any]:
    """[name, category, severity, match, similarity, nearest, its similarity, 1 if that is eligible]."""
    return [
        name(str(row["concern_id"]).removeprefix(f"{article_id}:")),
        _position(CATEGORIES, row["reference_category"]),
        _position(SEVERITIES, row["reference_severity"]),
        _whole(row["index"]),
        _thousandths(row["similarity"]),
        _whole(row["best_index"]),
        _thousandths(row["best_similarity"]),
        _eligible(row["best_similarity"], threshold),
    ]


def prediction_fields(row: Mapping[str, Any], place: Mapping[str, int], threshold: float) -> list[Any]:
    """[category, severity, confidence, match, similarity, margin, runner-up, nearest, its similarity, 1 if eligible].

    The margin is similarity minus that of the runner-up: the most similar reference but the matched one. It is
    negative where the assignment gave the nearest reference to another prediction.
    """
    margin = runner = None
    if row["concern_id"] is not None:
        rank = "second" if row["best_concern_id"] == row["concern_id"] else "best"
        runner = place.get(row[f"{rank}_concern_id"])
        if runner is not None:
            margin = _thousandths(_single(row["similarity"]) - _single(row[f"{rank}_similarity"]))
    return [
        _position(CATEGORIES, row["category"]),
        _position(SEVERITIES, row["severity"]),
        None if row["confidence"] is None else round(float(row["confidence"]), 3),
        place.get(row["concern_id"]),
        _thousandths(row["similarity"]),
        margin,
        runner,
        place.get(row["best_concern_id"]),
        _thousandths(row["best_similarity"]),
        _eligible(row["best_similarity"], threshold),
    ]


def _wording(text: str | None) -> list[str]:
    return [] if text is None else [visible(text)]


def text_at(texts: Sequence[str], index: Any) -> str | None:
    """The text of a prediction; None where texts were not given."""
    return texts[int(index)] if int(index) < len(texts) else None


def _position(labels: Sequence[str], value: str | None) -> int | None:
    return labels.index(value) if value in labels else None


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _thousandths(value: Any) -> int | None:
    return None if value is None else round(_single(value) * 1000)


def _eligible(value: Any, threshold: float) -> int:
    return int(value is not None and _single(value) >= _single(threshold))


def _single(value: Any) -> float:
    """In the precision of the pairs file; the threshold is compared in it, too."""
    return float(np.float32(value))
