"""Signs that labels were not made by two people who read: equal labels, labels that were there before, haste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bioreview_bench.curation.annotation.agreement import TwoLabels
from bioreview_bench.curation.annotation.log import RaterRecord
from bioreview_bench.curation.annotation.pack import CONCERN, PAIRS, AnnotationItem, AnnotationKey, AnnotationPack

ENOUGH = 10  # labels from which equality is no chance
FASTEST = 15.0  # words a second; skimming reaches about half of it
HASTY = 0.1  # share of hurried items from which a warning is due


def warnings(
    pack: AnnotationPack,
    key: AnnotationKey,
    records: Mapping[str, RaterRecord],
    compared: Mapping[str, Sequence[TwoLabels]],
) -> list[str]:
    """Sentences, one for each sign."""
    found = list(_identical(compared))
    for rater, record in records.items():
        found += _prefilled(rater, record, key)
        found += _hurried(rater, record, pack)
    return found


def _identical(compared: Mapping[str, Sequence[TwoLabels]]) -> Iterator[str]:
    """One sentence for each kind of label; of a pack too small for that, one for all labels together."""
    names = {"category": "categories", "severity": "severities", "relation": "labels of pairs"}
    large = {words: compared[name] for name, words in names.items() if len(compared[name]) >= ENOUGH}
    if not large:
        asked = ("fidelity", "omissions", *names)  # "same" says again what "relation" says
        everything = [two for name in asked for two in compared[name]]
        large = {"labels": everything} if len(everything) >= ENOUGH else {}
    for words, said in large.items():
        if all(two.first == two.second for two in said):
            only = {two.first for two in said}
            what = f" (all {said[0].first})" if len(only) == 1 else ""
            yield f"The raters' {len(said):,} {words} are identical{what}: were they made by two people, and blinded?"


def _prefilled(rater: str, record: RaterRecord, key: AnnotationKey) -> Iterator[str]:
    names = {"category": "categories", "severity": "severities"}
    by_name = {words: list(_before_and_given(name, record, key)) for name, words in names.items()}
    large = {words: pairs for words, pairs in by_name.items() if len(pairs) >= ENOUGH}
    if not large:
        large = {"labels": [pair for name in by_name.values() for pair in name]}
    for words, pairs in large.items():
        if len(pairs) >= ENOUGH and all(had == given for had, given in pairs):
            yield (
                f"All {len(pairs):,} {words} of {rater} equal those that the concerns had before: "
                "were they filled in from there?"
            )


def _before_and_given(name: str, record: RaterRecord, key: AnnotationKey) -> Iterator[tuple[str, str]]:
    for item, had in key.labels.items():
        before = getattr(had, name)
        if before is not None and item in record.answers and name in record.answers[item].answer:
            yield before, record.answers[item].answer[name]


def _hurried(rater: str, record: RaterRecord, pack: AnnotationPack) -> Iterator[str]:
    """Items for which there was less time than their words take to read, at FASTEST."""
    items = {item.id: item for item in pack.items}
    answered = [(items[name], each) for name, each in record.answers.items()]
    hurried, read, before = 0, set[str](), None
    for item, each in answered:
        at = datetime.fromisoformat(each.at)
        # The clock of the server says how much time there was at most; stamps are whole seconds.
        most = each.seconds if before is None else min(each.seconds, (at - before).total_seconds() + 1)
        before = at
        hurried += most < _words(item, pack, read) / FASTEST
    if len(answered) >= ENOUGH and hurried > HASTY * len(answered):
        yield (
            f"{rater} answered {hurried:,} of {len(answered):,} items faster than their texts can be read "
            f"({FASTEST:g} words a second)."
        )


def _words(item: AnnotationItem, pack: AnnotationPack, read: set[str]) -> int:
    """Words that are new to the rater in an item; letters may be skimmed, and count for nothing."""
    article = pack.article(item.article_id)
    if item.kind == CONCERN:
        return sum(len(each.text.split()) for each in article.references if each.concern_id == item.concern_id)
    if item.kind != PAIRS:
        return 0
    new = [item.text or "", *(each.text for each in article.references if item.article_id not in read)]
    read.add(item.article_id)
    return sum(len(text.split()) for text in new)
