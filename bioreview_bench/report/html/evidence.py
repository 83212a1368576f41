"""What stands behind a result: its pairs by article, and the texts of the concerns.

The pairs file holds no texts; those come with the predictions and the split, which must be the ones that were
scored. What is missing becomes an Omission, which the page prints in the place of what it would have shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import InputError
from bioreview_bench.report.html.words import name, visible
from bioreview_bench.results.pairs import FIELDS, plain
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.result import Result


@dataclass(frozen=True)
class Omission:
    """Why something is not shown, and what to type for it (None when nothing helps)."""

    reason: str
    remedy: str | None = None


@dataclass
class ArticlePairs:
    """Records of the pairs file for one article, in the order in which they were scored; None for what is absent."""

    references: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Both."""
        return [*self.references, *self.predictions]


@dataclass(frozen=True)
class Pairs:
    """All pairs of a result by article id, and the histogram of other-article similarities (bins of 0.01)."""

    articles: Mapping[str, ArticlePairs]
    other_article: NDArray[np.int64]

    def of(self, article_id: str) -> ArticlePairs:
        """The pairs of an article; none for one without references and predictions."""
        return self.articles.get(article_id) or ArticlePairs()


@dataclass(frozen=True)
class Texts:
    """By article id: the title, the references' texts by concern id, and the predictions' in their order."""

    titles: Mapping[str, str]
    references: Mapping[str, Mapping[str, str]]
    predictions: Mapping[str, Sequence[str]]


def read_pairs(result: Result) -> Pairs | Omission:
    """The pairs of a result, or why there are none. Raises InputError when they are of another result."""
    try:
        frame, histogram = result.pairs, result.other_article_histogram
    except InputError as error:
        return Omission("The pairs file of this result was not found next to it, or is not a pairs file.", error.remedy)
    articles: dict[str, ArticlePairs] = {}
    for row in frame.reindex(columns=list(FIELDS)).to_dict("records"):
        record = {str(key): plain(value) for key, value in row.items()}
        found = articles.setdefault(str(record["article_id"]), ArticlePairs())
        (found.predictions if record["kind"] == "prediction" else found.references).append(record)
    pairs = Pairs(articles, histogram)
    _check_counts(result.record, pairs)
    return pairs


def read_texts(
    result: Result, pairs: Pairs | Omission, predictions: Predictions | None, split: Split | None
) -> Texts | Omission:
    """The texts, or why they are left out. Raises InputError when what was given is not of this result."""
    record = result.record
    _check_belongs(record, predictions, split)
    if record.data.held_out or (split is not None and split.held_out):
        return Omission("Texts are left out: the split is held out, and its texts stay out of reports.")
    if predictions is None or split is None:
        data = "FOLDER" if record.data.name == "local" else record.data.name
        return Omission(
            "Texts are left out: predictions and articles were not given.",
            f"bench report R.result.json --predictions F --data {data} --split {record.data.split}",
        )
    ids = {row["id"] for row in record.articles}
    members = [article for article in split if article.id in ids]
    texts = Texts(
        {article.id: visible(normalise(article.title or "")) for article in members},
        {article.id: {concern.concern_id: concern.text for concern in article.concerns} for article in members},
        {
            article.id: [concern.text for concern in predictions[article.id].concerns]
            for article in members
            if article.id in predictions
        },
    )
    if isinstance(pairs, Pairs):
        _check_texts(pairs, texts)
    return texts


def _check_belongs(record: ResultRecord, predictions: Predictions | None, split: Split | None) -> None:
    if predictions is not None and predictions.sha256 != record.provenance.predictions_sha256:
        raise InputError(
            f"{predictions.path or 'These predictions'} is not what this result scored "
            f"(sha256 {_short(predictions.sha256)}, the result names {_short(record.provenance.predictions_sha256)}).",
            remedy="name the file that was evaluated, or evaluate this one",
        )
    if split is not None and split.fingerprint != record.data.fingerprint:
        raise InputError(
            f"The articles {split.label} are not those of this result (fingerprint {record.data.fingerprint}).",
            remedy=f"name the data of {name(record.data.label)}",
        )


def _check_counts(record: ResultRecord, pairs: Pairs) -> None:
    """A pairs file that was copied beside another result would illustrate numbers that it did not make."""
    for row in record.articles:
        found = pairs.of(row["id"])
        n_matched = sum(reference["index"] is not None for reference in found.references)
        if (len(found.references), len(found.predictions), n_matched) != (
            row["n_ref"],
            row["n_pred"],
            row["n_matched"],
        ):
            raise InputError(
                f"The pairs file next to this result belongs to another one: article {name(row['id'])} differs.",
                remedy="evaluate again with -o",
            )


def _check_texts(pairs: Pairs, texts: Texts) -> None:
    """Predictions that came from no file have no sha256 as a whole, but each of their texts has one."""
    for article_id, found in pairs.articles.items():
        written = texts.predictions.get(article_id, ())
        for row in found.predictions:
            index = int(row["index"])
            if index >= len(written) or _sha256(written[index]) != row["text_sha256"]:
                raise InputError(
                    f"Prediction {index + 1} of {name(article_id)} is not the text that this result scored.",
                    remedy="name the predictions that were evaluated, or evaluate these",
                )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "none"
