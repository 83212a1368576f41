"""Counts of an audit by article, and the figures that are made of them.

One table of columns serves points and intervals, as everywhere: a figure is a function of sums over articles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.article import Article
from bioreview_bench.results.validity import Bounded, MatchFigures, Share
from bioreview_bench.scoring.matching import assign, max_matches
from bioreview_bench.stats.formulas import ratio
from bioreview_bench.stats.sums import Sums
from bioreview_bench.stats.uncertainty import Interval, Statistic
from bioreview_bench.stats.uncertainty import intervals as bootstrap
from bioreview_bench.validity.judgements import RELATED, SAME
from bioreview_bench.validity.ranking import ScoredPairs, ranking_figures
from bioreview_bench.validity.scorers import Scores
from bioreview_bench.validity.sheets import Sheet

# What a sheet gives for its article: references, texts, possible matches, texts that make a point of some reference,
# pairs, pairs of the same point; eligible pairs, those of the same point, texts with one; matches, those of the same
# point, of a related one; matches of the raters' own pairs.
COUNTS = ("R", "P", "C", "S", "pairs", "same", "E", "ES", "EF", "M", "MS", "MR", "T")
_SHARES = {
    "eligible_same": ("ES", "E"),
    "eligible_found": ("EF", "S"),
    "matched": ("M", "C"),
    "matched_same": ("MS", "M"),
    "matched_related": ("MR", "M"),
    "found": ("MS", "S"),
}


@dataclass(frozen=True)
class Marked:
    """A sheet and the scores that a matcher gave, (texts, references)."""

    sheet: Sheet
    scores: Scores


@dataclass(frozen=True)
class Units:
    """The articles that are drawn: ids in order and the family of each; how often and from which seed."""

    ids: Sequence[str]
    families: Sequence[str]
    draws: int
    seed: int

    @classmethod
    def of(cls, articles: Iterable[Article], draws: int, seed: int) -> Units:
        """Units of articles, in id order."""
        ordered = sorted(articles, key=lambda article: article.id)
        return cls([article.id for article in ordered], [article.family for article in ordered], draws, seed)

    @property
    def count(self) -> int:
        """How many families there are."""
        return len(set(self.families))

    @property
    def place(self) -> dict[str, int]:
        """The position of each article."""
        return {article_id: position for position, article_id in enumerate(self.ids)}

    def intervals(self, columns: Sums, statistics: Statistic) -> dict[str, Interval | None]:
        """95 % intervals of `statistics`, a function of sums of `columns`."""
        return bootstrap(columns, self.ids, self.families, statistics, self.draws, self.seed)


def counts(marked: Marked, threshold: float) -> dict[str, int]:
    """COUNTS of one sheet."""
    question, same = marked.sheet.question, marked.sheet.same
    eligible = np.asarray(marked.scores) >= float(threshold)
    rows, columns = assign(marked.scores, threshold)
    matched = marked.sheet.gold[rows, columns]
    return {
        "R": len(question.references),
        "P": len(question.texts),
        "C": question.slots,
        "S": int(same.any(axis=1).sum()),
        "pairs": same.size,
        "same": int(same.sum()),
        "E": int(eligible.sum()),
        "ES": int((eligible & same).sum()),
        "EF": int((eligible & same).any(axis=1).sum()),
        "M": len(rows),
        "MS": int((matched == SAME).sum()),
        "MR": int((matched == RELATED).sum()),
        "T": max_matches(same),
    }


def judged(marked: Sequence[Marked], threshold: float, units: Units) -> MatchFigures:
    """The figures over sheets of one reviewer, or of several."""
    columns = columns_of(marked, threshold, units)
    sums = {name: np.asarray(column.sum()) for name, column in columns.items()}
    points, bounds = _figures(sums), units.intervals(columns, _figures)
    pairs = _scored(marked, units)
    precision, area = ranking_figures(pairs, units.ids, units.families, units.draws, units.seed)
    total = {name: int(value) for name, value in sums.items()}
    return MatchFigures(
        own_words=all(mark.sheet.own_words for mark in marked),
        n_articles=len({mark.sheet.question.article.id for mark in marked}),
        n_references=total["R"],
        n_texts=total["P"],
        n_same=total["S"],
        n_pairs=total["pairs"],
        n_same_pairs=total["same"],
        average_precision=estimate(*precision),
        auc=estimate(*area),
        n_true=total["T"],
        counted_f1=estimate(points["counted_f1"], bounds["counted_f1"]),
        judged_f1=estimate(points["judged_f1"], bounds["judged_f1"]),
        **{name: share(total[part], total[whole], bounds[name]) for name, (part, whole) in _SHARES.items()},
    )


def columns_of(marked: Sequence[Marked], threshold: float, units: Units) -> dict[str, NDArray[np.float64]]:
    """COUNTS summed by article, in the order of `units`."""
    place = units.place
    columns = {name: np.zeros(len(place)) for name in COUNTS}
    for mark in marked:
        for name, count in counts(mark, threshold).items():
            columns[name][place[mark.sheet.question.article.id]] += count
    return columns


def share(part: int, whole: int, interval: Interval | None) -> Share:
    """part of whole; undefined when the whole is 0."""
    return Share(n=part, of=whole, share=_rounded(part / whole) if whole else None, interval=_bounds(interval))


def estimate(value: float | np.floating | NDArray[np.float64], interval: Interval | None) -> Bounded:
    """A figure; NaN is undefined."""
    return Bounded(value=None if np.isnan(value) else _rounded(float(value)), interval=_bounds(interval))


def _rounded(value: float) -> float:
    """Machines differ in the last digits of a sum, and a card should be the same on all of them."""
    return round(value, 6)


def _bounds(interval: Interval | None) -> Interval | None:
    return None if interval is None else (_rounded(interval[0]), _rounded(interval[1]))


def _figures(sums: Sums) -> dict[str, NDArray[np.float64]]:
    shares = {name: ratio(sums[part], sums[whole]) for name, (part, whole) in _SHARES.items()}
    written = sums["R"] + sums["P"]
    return {**shares, "counted_f1": ratio(2 * sums["M"], written), "judged_f1": ratio(2 * sums["T"], written)}


def _scored(marked: Sequence[Marked], units: Units) -> ScoredPairs:
    place = units.place
    return ScoredPairs(
        np.concatenate([np.full(mark.scores.size, place[mark.sheet.question.article.id], np.intp) for mark in marked]),
        np.concatenate([np.asarray(mark.scores, np.float64).ravel() for mark in marked]),
        np.concatenate([mark.sheet.same.ravel() for mark in marked]),
    )
