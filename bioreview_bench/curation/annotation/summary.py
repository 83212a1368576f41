"""What two raters said: how far they agree, what they say of extracted concerns, time spent, what is suspicious.

Only what both answered is compared. The logs are checked before anything is read from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bioreview_bench.curation.annotation.agreement import PairwiseAgreement, TwoLabels, label_agreements
from bioreview_bench.curation.annotation.answers import FIDELITY, RELATION
from bioreview_bench.curation.annotation.log import RaterRecord, log_path, read_log
from bioreview_bench.curation.annotation.pack import (
    CONCERN,
    KINDS,
    LETTER,
    PAIRS,
    AnnotationItem,
    AnnotationKey,
    AnnotationPack,
)
from bioreview_bench.curation.annotation.sample import bin_of
from bioreview_bench.curation.annotation.suspicion import warnings
from bioreview_bench.errors import InputError

Records = Mapping[str, RaterRecord]


@dataclass(frozen=True)
class RaterWork:
    """What one rater did. `seconds` and `median_seconds` are by kind of item."""

    n_done: int
    n_items: int
    finished: bool
    n_undone: int
    seconds: dict[str, float]
    median_seconds: dict[str, float]
    fidelity: dict[str, int]
    n_letters_with_omissions: int
    n_omissions: int
    category_kappa: float | None
    severity_kappa: float | None
    receipt: str


@dataclass(frozen=True)
class SimilarityBin:
    """Pairs whose similarity lies between two edges, as far as both raters judged them."""

    low: float
    high: float
    n_pairs: int
    n_both_same: int
    n_both_related: int
    n_agree: int


@dataclass(frozen=True)
class AnnotationSummary:
    """All figures. `category_kappa` of a rater is against the labels that the concerns had before.

    `omission_overlap`: of the characters that either rater marked as missing, twice the common ones by all (Dice).
    """

    sources: dict[str, Any]
    n_both: dict[str, int]
    agreement: dict[str, PairwiseAgreement]
    omission_overlap: float | None
    raters: dict[str, RaterWork]
    bins: list[SimilarityBin]
    warnings: list[str]


def read_records(folder: Path, pack: AnnotationPack, key: AnnotationKey) -> dict[str, RaterRecord]:
    """Both raters' logs, checked. Raises InputError when one was tampered with or nobody has begun."""
    begun = [rater for rater in pack.raters if log_path(folder, rater).exists()]
    if not begun:
        raise InputError(f"Nobody has answered anything in {folder}.", remedy=f"bench data annotate serve {folder}")
    return {rater: read_log(folder, rater, pack, key) if rater in begun else RaterRecord() for rater in pack.raters}


def summarize(
    pack: AnnotationPack, key: AnnotationKey, records: Records, draws: int = 10_000, seed: int = 42
) -> AnnotationSummary:
    """The figures of a pack whose logs were read."""
    both = _both(pack, records)
    compared = _compared(pack, records, both)
    return AnnotationSummary(
        sources=pack.sources.model_dump(),
        n_both={kind: sum(item.kind == kind for item in both) for kind in KINDS},
        agreement={name: label_agreements(said, draws, seed) for name, said in compared.items() if said},
        omission_overlap=_overlap(both, records),
        raters={rater: _work(pack, key, record) for rater, record in records.items()},
        bins=_bins(key, both, records),
        warnings=warnings(pack, key, records, compared),
    )


def judged_pairs(pack: AnnotationPack, records: Records, written_as: str) -> list[dict[str, Any]]:
    """Rows of a file of judged pairs (docs/judged-pairs.md): the texts that both raters judged, by article."""
    items = [item for item in _both(pack, records) if item.kind == PAIRS]
    return [
        {
            "article_id": item.article_id,
            "text": item.text,
            "written_as": written_as,
            "labels": {
                rater: {each: label for each, label in _labels(record, item).items() if label != "different"}
                for rater, record in records.items()
            },
        }
        for item in sorted(items, key=lambda item: (item.article_id, item.id))
    ]


def _both(pack: AnnotationPack, records: Records) -> list[AnnotationItem]:
    return [item for item in pack.items if all(item.id in record.answers for record in records.values())]


def _labels(record: RaterRecord, item: AnnotationItem) -> dict[str, str]:
    labels: dict[str, str] = record.answers[item.id].answer["labels"]
    return labels


def _compared(pack: AnnotationPack, records: Records, both: Sequence[AnnotationItem]) -> dict[str, list[TwoLabels]]:
    """What both said, by what was asked."""
    family = {article.id: article.family for article in pack.articles}
    one, other = records.values()
    found: dict[str, list[TwoLabels]] = {
        name: [] for name in ("fidelity", "category", "severity", "omissions", "same", "relation")
    }

    def add(name: str, item: AnnotationItem, first: str | None, second: str | None) -> None:
        if first is not None and second is not None:
            found[name].append(TwoLabels(item.article_id, family[item.article_id], first, second))

    for item in both:
        mine, theirs = one.answers[item.id].answer, other.answers[item.id].answer
        if item.kind == CONCERN:
            for name in ("fidelity", "category", "severity"):
                add(name, item, mine.get(name), theirs.get(name))
        elif item.kind == LETTER:
            add("omissions", item, mine["complete"], theirs["complete"])
        else:
            for each, label in mine["labels"].items():
                add("relation", item, label, theirs["labels"][each])
                add("same", item, *("same" if said == "same" else "not" for said in (label, theirs["labels"][each])))
    return found


def _overlap(both: Sequence[AnnotationItem], records: Records) -> float | None:
    common = total = 0
    for item in both:
        if item.kind == LETTER:
            mine, theirs = (_marked(record.answers[item.id].answer) for record in records.values())
            common += len(mine & theirs)
            total += len(mine) + len(theirs)
    return 2 * common / total if total else None


def _marked(answer: Mapping[str, Any]) -> set[int]:
    """Places of the letter that are marked as missing."""
    return {place for each in answer["omissions"] if "start" in each for place in range(each["start"], each["end"])}


def _work(pack: AnnotationPack, key: AnnotationKey, record: RaterRecord) -> RaterWork:
    answers = [(item, record.answers[item.id]) for item in pack.items if item.id in record.answers]
    spent = {kind: [answered.seconds for item, answered in answers if item.kind == kind] for kind in KINDS}
    fidelity = [answered.answer["fidelity"] for item, answered in answers if item.kind == CONCERN]
    omissions = [answered.answer["omissions"] for item, answered in answers if item.kind == LETTER]
    return RaterWork(
        n_done=len(answers),
        n_items=len(pack.items),
        finished=record.finished,
        n_undone=record.n_undone,
        seconds={kind: round(sum(each), 1) for kind, each in spent.items() if each},
        median_seconds={kind: median(each) for kind, each in spent.items() if each},
        fidelity={level: fidelity.count(level) for level in FIDELITY},
        n_letters_with_omissions=sum(map(bool, omissions)),
        n_omissions=sum(map(len, omissions)),
        category_kappa=_kappa(_against_extracted(pack, key, record, "category")),
        severity_kappa=_kappa(_against_extracted(pack, key, record, "severity")),
        receipt=record.receipt,
    )


def _against_extracted(
    pack: AnnotationPack, key: AnnotationKey, record: RaterRecord, name: str
) -> Iterator[tuple[str, str]]:
    """(label that the concern had, label of the rater) of concerns that have both."""
    for item in pack.items:
        if item.kind == CONCERN and item.id in record.answers:
            had, given = getattr(key.labels[item.id], name), record.answers[item.id].answer.get(name)
            if had is not None and given is not None:
                yield had, given


def _kappa(pairs: Iterator[tuple[str, str]]) -> float | None:
    from bioreview_bench.stats.agreement import label_agreement

    kappa: float | None = label_agreement(pairs)["kappa"]
    return kappa


def _bins(key: AnnotationKey, both: Sequence[AnnotationItem], records: Records) -> list[SimilarityBin]:
    counts = [[0, 0, 0, 0] for _ in key.edges[1:]]
    for item in both:
        if item.kind == PAIRS:
            one, other = (_labels(record, item) for record in records.values())
            for each, similarity in key.similarities[item.id].items():
                levels = [RELATION.index(one[each]), RELATION.index(other[each])]  # 0 same, 1 related, 2 different
                count = counts[bin_of(similarity, key.edges)]
                for place, holds in enumerate((True, max(levels) == 0, max(levels) <= 1, levels[0] == levels[1])):
                    count[place] += holds
    return [
        SimilarityBin(low, high, *count) for low, high, count in zip(key.edges, key.edges[1:], counts, strict=False)
    ]
