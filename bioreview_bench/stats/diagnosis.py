"""Diagnosis of a system: how it fails, where, and which references it or everybody misses.

All of it comes from stored results and their pairs; nothing is matched again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.data.vocabulary import UNANSWERED
from bioreview_bench.results.result import Result

if TYPE_CHECKING:
    import pandas

MANY, FEW, REPEATED = 50, 1 / 3, 3  # concerns; share of the references; times that one text stands in a list
POSITIONS = (1, 2, 3, 5, 10, 15, 20, 30, 50)

# Every mode with what it means, in the order in which they are shown.
MODES = {
    "missing": "no row",
    "error": "the model could not be asked",
    "refused": "the model refused",
    "parse_failed": "the answer could not be read",
    "empty": "no concern",
    "truncated": "the answer was cut off",
    "few": "fewer concerns than a third of the references",
    "many": f"more than {MANY} concerns",
    "repeated": f"one text {REPEATED} times or more",
    "zero_recall": "no reference found by what was written",
}


@dataclass(frozen=True)
class Failure:
    """One way in which one article failed."""

    article_id: str
    source: str
    mode: str


@dataclass(frozen=True)
class Position:
    """The first `cap` predictions of every article: `precision` at this place alone, and what a cap would leave.

    `recall` and `f1` count the matches made among the first `cap`; matched anew there could be a few more.
    """

    cap: int
    n_pred: int
    precision: float | None
    capped_precision: float | None
    capped_recall: float | None
    capped_f1: float | None


@dataclass(frozen=True)
class Diagnosis:
    """One result: failures, share of predictions that repeat an earlier one of the article, precision by position."""

    failures: tuple[Failure, ...]
    n_articles: Mapping[str, int]
    duplicate_share: float | None
    positions: tuple[Position, ...]

    def by_mode(self) -> dict[str, Counter[str]]:
        """mode -> source -> articles, for modes that occur."""
        found: dict[str, Counter[str]] = {mode: Counter() for mode in MODES}
        for failure in self.failures:
            found[failure.mode][failure.source] += 1
        return {mode: counts for mode, counts in found.items() if counts}


@dataclass(frozen=True)
class Missed:
    """References by how many systems found them: of several results on the same articles.

    `only` maps a system to the references that it alone finds; `by_category` a category to (references, found by none).
    """

    n_references: int
    found_by: tuple[int, ...]
    never: tuple[tuple[str, str], ...]
    only: Mapping[str, tuple[tuple[str, str], ...]]
    by_category: Mapping[str, tuple[int, int]]


def diagnose(result: Result, statuses: Mapping[str, str | None] | None = None) -> Diagnosis:
    """Diagnose one result; `statuses` by article id are those of the predictions file (a result knows no *truncated*).

    Raises InputError when the pairs are not next to the result.
    """
    counts, pairs = result.counts, result.pairs
    predictions = pairs[pairs["kind"] == "prediction"]
    repeats = {
        str(article_id): int(texts.value_counts().max())
        for article_id, texts in predictions.groupby("article_id")["text_sha256"]
    }
    failures = []
    for row, (article_id, source, status) in enumerate(zip(counts.id, counts.source, counts.status, strict=True)):
        n_ref, n_pred = counts.n_ref[row], counts.n_pred[row]
        answered = status == "scored"
        holds = {
            **{mode: status == mode for mode in (*UNANSWERED, "empty")},
            "truncated": (statuses or {}).get(article_id) == "truncated",
            "few": answered and n_pred < FEW * n_ref,
            "many": n_pred > MANY,
            "repeated": repeats.get(article_id, 0) >= REPEATED,
            "zero_recall": answered and n_ref > 0 and counts.n_matched[row] == 0,
        }
        failures += [Failure(article_id, source, mode) for mode in MODES if holds[mode]]
    distinct = len(predictions.drop_duplicates(["article_id", "text_sha256"]))
    return Diagnosis(
        tuple(failures),
        dict(Counter(counts.source)),
        1 - distinct / len(predictions) if len(predictions) else None,
        _positions(predictions, int(counts.n_ref.sum())),
    )


def _positions(predictions: pandas.DataFrame, n_ref: int) -> tuple[Position, ...]:
    matched = predictions["concern_id"].notna()
    found = []
    for cap in POSITIONS:
        at, upto = predictions["index"] == cap - 1, predictions["index"] < cap
        n_pred, n_matched = int(upto.sum()), int((upto & matched).sum())
        if not at.any():
            continue
        found.append(
            Position(
                cap,
                int(at.sum()),
                float(matched[at].mean()),
                _ratio(n_matched, n_pred),
                _ratio(n_matched, n_ref),
                _ratio(2 * n_matched, n_ref + n_pred),
            )
        )
    return tuple(found)


def missed(results: Mapping[str, Result]) -> Missed:
    """Which references how many of several results found. All are about the same articles, which the caller checks."""
    found: dict[tuple[str, str], list[str]] = {}
    category: dict[tuple[str, str], str] = {}
    for name, result in results.items():
        references = result.pairs[result.pairs["kind"] == "reference"]
        columns = (references[c] for c in ("article_id", "concern_id", "index", "reference_category"))
        for article_id, concern_id, index, label in zip(*columns, strict=True):
            reference = (str(article_id), str(concern_id))
            by = found.setdefault(reference, [])
            category[reference] = label if isinstance(label, str) else "none"
            if index == index and index is not None:
                by.append(name)
    only: dict[str, list[tuple[str, str]]] = {name: [] for name in results}
    by_category: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for reference, by in found.items():
        if len(by) == 1:
            only[by[0]].append(reference)
        by_category[category[reference]][0] += 1
        by_category[category[reference]][1] += not by
    how_many = Counter(len(by) for by in found.values())
    return Missed(
        len(found),
        tuple(how_many[n] for n in range(len(results) + 1)),
        tuple(reference for reference, by in found.items() if not by),
        {name: tuple(references) for name, references in only.items()},
        {name: (counts[0], counts[1]) for name, counts in sorted(by_category.items())},
    )


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def worst_articles(result: Result, most: int) -> Sequence[tuple[str, int, int]]:
    """(id, references, predictions) of articles where nothing was found, most references first."""
    counts = result.counts
    rows = [
        (counts.id[row], int(counts.n_ref[row]), int(counts.n_pred[row]))
        for row in range(len(counts))
        if counts.n_ref[row] and not counts.n_matched[row]
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:most]
