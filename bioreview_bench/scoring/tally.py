"""Matching each article once: the counts of the score itself and of the controls beside it, and the pairs behind them.

From these the ArticleCounts table is put together, and the score at other thresholds: nothing is encoded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.controls import store
from bioreview_bench.controls.reviewers import ECHO, SCORED_CONTROLS
from bioreview_bench.data.article import Concern
from bioreview_bench.data.near_misses import NEAR_MISS, near_miss_reviewer
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.results.counts import LABELLED, SLICED, ArticleCounts
from bioreview_bench.results.records import SweepPoint
from bioreview_bench.scoring.backends import Backend
from bioreview_bench.scoring.matching import Indices, assign, max_matches
from bioreview_bench.scoring.other_article import OtherArticle
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.texts import Case, TextPool
from bioreview_bench.stats import summary

_POSITIONS = {kind: {label: place for place, label in enumerate(labels)} for kind, labels, _ in (*LABELLED, *SLICED)}


@dataclass
class Tally:
    """Columns of ArticleCounts (rows as in the cases), and one record for each prediction and each reference."""

    columns: dict[str, NDArray[np.float64]]
    pairs: list[dict[str, Any]] = field(default_factory=list)


def tally(cases: Sequence[Case], space: Space, threshold: float, texts: Sequence[str]) -> Tally:
    """Match every case. `texts` are those of the pool, in its order."""
    n = len(cases)
    counts: dict[str, NDArray[np.float64]] = {"n_matched": np.zeros(n), "similarity": np.zeros(n)}
    for kind, labels, names in (*LABELLED, *SLICED):
        counts |= {f"{kind}_{name}": np.zeros((n, len(labels))) for name in names}
    total = Tally(counts)
    for row, case in enumerate(cases):
        similarity = space.similarity(case.prediction_texts, case.reference_texts, case.article.id)
        rows, columns = assign(similarity, threshold)
        counts["n_matched"][row] = len(rows)
        counts["similarity"][row] = similarity[rows, columns].sum(dtype=np.float64)
        _count(counts, "ref", row, case.references)
        _count(counts, "matched", row, [case.references[column] for column in columns])
        # A prediction counts under the category of its match, else of its most similar reference.
        if case.references and case.predictions:
            stands_for = similarity.argmax(axis=1)
            stands_for[rows] = columns
            for column in stands_for:
                if category := case.references[column].category:
                    counts["category_pred"][row, _POSITIONS["category"][category]] += 1
        total.pairs.extend(_prediction_records(case, similarity, rows, columns, texts))
        total.pairs.extend(_reference_records(case, similarity, rows, columns))
    return total


def _count(counts: dict[str, NDArray[np.float64]], count: str, row: int, concerns: Sequence[Concern]) -> None:
    """Add the labels of `concerns` to a row; a label that is missing counts nowhere."""
    for concern in concerns:
        for kind, label in _labels(concern):
            if label is not None:
                counts[f"{kind}_{count}"][row, _POSITIONS[kind][label]] += 1


def _labels(concern: Concern) -> Iterator[tuple[str, str | None]]:
    yield "category", concern.category
    yield "severity", concern.severity
    yield "stance", concern.author_stance
    for kind, holds in (("was_valid", concern.was_valid), ("raised_by_multiple", concern.raised_by_multiple)):
        yield kind, None if holds is None else "yes" if holds else "no"


def count_matches(
    cases: Sequence[Case], written: Sequence[Indices], space: Space, threshold: float
) -> NDArray[np.float64]:
    """Matches by article of a control reviewer that wrote the texts at `written[row]` about case `row`."""
    found: NDArray[np.float64] = count_matches_at(cases, written, space, [threshold])[0]
    return found


def count_matches_at(
    cases: Sequence[Case], written: Sequence[Indices], space: Space, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """(thresholds, articles) matches of the texts at `written[row]` with the references of case `row`."""
    found = np.zeros((len(thresholds), len(cases)))
    for row, (case, texts) in enumerate(zip(cases, written, strict=True)):
        if len(texts) and case.references:
            similarity = space.similarity(texts, case.reference_texts, case.article.id)
            found[:, row] = [max_matches(similarity >= threshold) for threshold in thresholds]
    return found


def _prediction_records(
    case: Case, similarity: NDArray[Any], rows: Indices, columns: Indices, texts: Sequence[str]
) -> list[dict[str, Any]]:
    ids = [concern.concern_id for concern in case.references]
    match = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    # The two most similar references of each prediction, first on ties.
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :2].tolist()
    records = []
    for row, prediction in enumerate(case.predictions):
        column = match.get(row)
        ranked = [(ids[near], float(similarity[row, near])) for near in nearest[row]] + [(None, None)] * 2
        records.append(
            {
                "kind": "prediction",
                "article_id": case.article.id,
                "index": row,
                "concern_id": None if column is None else ids[column],
                "similarity": None if column is None else float(similarity[row, column]),
                "best_concern_id": ranked[0][0],
                "best_similarity": ranked[0][1],
                "second_concern_id": ranked[1][0],
                "second_similarity": ranked[1][1],
                "best_index": None,
                "category": prediction.category,
                "severity": prediction.severity,
                "confidence": prediction.confidence,
                "reference_category": None if column is None else case.references[column].category,
                "reference_severity": None if column is None else case.references[column].severity,
                "text_sha256": hashlib.sha256(texts[case.prediction_texts[row]].encode()).hexdigest(),
            }
        )
    return records


def _reference_records(case: Case, similarity: NDArray[Any], rows: Indices, columns: Indices) -> list[dict[str, Any]]:
    match = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    best = similarity.argmax(axis=0).tolist() if len(case.predictions) else [None] * len(case.references)
    records = []
    for column, concern in enumerate(case.references):
        row, nearest = match.get(column), best[column]
        records.append(
            {
                "kind": "reference",
                "article_id": case.article.id,
                "index": row,
                "concern_id": concern.concern_id,
                "similarity": None if row is None else float(similarity[row, column]),
                "best_index": nearest,
                "best_similarity": None if nearest is None else float(similarity[nearest, column]),
                "reference_category": concern.category,
                "reference_severity": concern.severity,
            }
        )
    return records


class ControlScores:
    """The control reviewers of one evaluation. Made before texts are embedded, so that theirs are among them.

    Counts at the contract's threshold may be stored; with `swept`, echo is matched at other thresholds as well.
    """

    def __init__(
        self,
        case_list: Sequence[Case],
        signature: str,
        backend: Backend,
        pool: TextPool,
        near_misses: Predictions | None = None,
        *,
        swept: bool = False,
    ) -> None:
        self._cases = case_list
        shipped = near_misses.sha256 if near_misses else None
        articles = (case.article for case in case_list)
        self._key = store.key(signature, articles, shipped) if backend.reusable else None
        self._stored = store.load(self._key) if self._key else None
        writers = {**SCORED_CONTROLS, **near_miss_reviewer(near_misses)}
        names = list(writers) if self._stored is None else [ECHO] if swept else []
        self._texts = {name: [pool.add(writers[name](case.article)) for case in case_list] for name in names}

    @property
    def written(self) -> list[list[Indices]]:
        """By control, the texts that it wrote about each case, as far as they are still to be matched."""
        return list(self._texts.values())

    def counts(self, space: Space, threshold: float) -> store.Counts:
        """[predictions, matches, ceilings] by article, for each control that wrote anything."""
        if self._stored is not None:
            return self._stored
        found: store.Counts = {}
        for name, texts in self._texts.items():
            n_pred = [float(len(positions)) for positions in texts]
            if any(n_pred):
                ceiling = [min(n, len(case.references)) for n, case in zip(n_pred, self._cases, strict=True)]
                found[name] = [n_pred, count_matches(self._cases, texts, space, threshold).tolist(), ceiling]
        if self._key:
            store.save(self._key, found)
        return found

    def echo_at(self, space: Space, thresholds: Sequence[float]) -> NDArray[np.float64]:
        """(thresholds, articles) matches of echo."""
        return count_matches_at(self._cases, self._texts[ECHO], space, thresholds)


def article_counts(cases: Sequence[Case], matched: Tally, null: OtherArticle, controls: store.Counts) -> ArticleCounts:
    """One row for each case; control columns are NaN where a control was not scored."""
    n_ref = np.array([len(case.references) for case in cases], np.float64)
    n_pred = np.array([len(case.predictions) for case in cases], np.float64)
    unknown: NDArray[np.float64] = np.full(len(cases), np.nan)

    def control(name: str) -> dict[str, NDArray[np.float64]]:
        found = [np.array(column, np.float64) for column in controls[name]] if name in controls else [unknown] * 3
        return {f"{name}_pred": found[0], f"{name}_matched": found[1], f"{name}_ceiling": found[2]}

    return ArticleCounts(
        id=tuple(case.article.id for case in cases),
        source=tuple(case.article.source for case in cases),
        family=tuple(case.article.family for case in cases),
        status=tuple(case.outcome for case in cases),
        n_ref=n_ref,
        n_pred=n_pred,
        ceiling=np.minimum(n_ref, n_pred),
        n_excluded=np.array([case.n_excluded for case in cases], np.float64),
        has_donor=null.has_donor,
        null_matched=null.matched,
        null_ceiling=null.ceiling,
        **control("echo"),
        **control("generic"),
        **control(NEAR_MISS),
        **matched.columns,
    )


def grid(contract: Contract) -> list[float]:
    """0.05, 0.10 .. 0.95, and the contract's own threshold."""
    return sorted({*(step / 20 for step in range(1, 20)), contract.threshold})


def sweep(
    cases: Sequence[Case],
    space: Space,
    counts: ArticleCounts,
    null: OtherArticle,
    controls: ControlScores | None,
    thresholds: Sequence[float],
) -> list[SweepPoint]:
    """F1, null F1, echo F1 and skill at each threshold; `null` was made with these thresholds."""
    if not thresholds:
        return []
    matched = count_matches_at(cases, [case.prediction_texts for case in cases], space, thresholds)
    # NaN where echo was not scored.
    echo = controls.echo_at(space, thresholds) if controls else np.tile(counts.echo_matched, (len(thresholds), 1))
    points = []
    for row, threshold in enumerate(thresholds):
        moved = replace(counts, n_matched=matched[row], null_matched=null.sweep_matched[row], echo_matched=echo[row])
        beside = summary.controls(moved)
        points.append(
            SweepPoint(
                threshold=threshold,
                f1=summary.overall(moved).f1,
                null_f1=beside.null_f1,
                echo_f1=beside.echo_f1,
                skill=beside.skill,
            )
        )
    return points
