"""PeerReview Bench (Kim et al. 2026): the configurations `expert_annotation`, `reviewer` and `similarity_check`.

Fields as on the card of huggingface.co/datasets/prometheus-eval/peerreview-bench. The items of human reviewers are the
references, whatever experts thought of them, and keep what these said. `similarity_check` compares two items each:
those of a machine with one of a human become judged pairs, whose `judged` names the one reference that was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.curation.formats.raw import RawArticle, RawConcern, RawPair
from bioreview_bench.curation.formats.source import DataSource, needed, text_of
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.errors import InputError
from bioreview_bench.files.jsonl import json_type

_HUMAN, _MACHINE = "Human", "AI"
_RATER = "expert"
# What the experts called a pair (`finegrained_label`), in our words; None is different.
_LABELS = {
    "same subject, same argument, same evidence": "same",
    "same subject, same argument, different evidence": "same",
    "same subject, different argument": "related",
    "different subject": None,
}
_SAID = ("correctness", "significance", "evidence")


@dataclass
class _Item:
    """A reviewer's item; what experts said of it, by who they were (primary, secondary)."""

    where: str
    reviewer: str
    text: str
    said: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass
class _Submission:
    where: str
    title: str | None = None
    content: str | None = None
    items: dict[tuple[str, int], _Item] = field(default_factory=dict)
    pairs: dict[tuple[str, str], dict[tuple[str, int], str | None]] = field(default_factory=dict)


def peerreview_bench(source: DataSource) -> Iterator[RawArticle]:
    """PeerReview Bench: a folder with expert_annotation/, reviewer/ and similarity_check/, as Parquet or JSON Lines."""
    if source.path.is_file():
        raise InputError(f"{source.path} is one file of it.", remedy="name the folder that has expert_annotation/")
    source.licence = "CC-BY-4.0"
    source.notes.append("The card says that these data are for evaluation, not for training.")
    papers: dict[str, _Submission] = {}
    for config, read in (("reviewer", _paper), ("expert_annotation", _annotation), ("similarity_check", _similarity)):
        for suffix in ("parquet", "jsonl"):
            for path in [*source.find(f"{config}/*.{suffix}"), *source.find(f"{config}.{suffix}")]:
                for where, row in source.rows(path):
                    try:
                        read(source, papers, where, row)
                    except ValueError as error:
                        source.wrong(where, str(error))
    for key, paper in sorted(papers.items(), key=_number):
        yield _article(source, key, paper)


def _number(entry: tuple[str, _Submission]) -> tuple[int, str]:
    return int(entry[0]), entry[0]


def _paper(source: DataSource, papers: dict[str, _Submission], where: str, row: dict[str, Any]) -> None:
    paper = papers.setdefault(_id(row), _Submission(where))
    paper.title = text_of(row, "paper_title") or paper.title
    paper.content = text_of(row, "paper_content") or paper.content


def _annotation(source: DataSource, papers: dict[str, _Submission], where: str, row: dict[str, Any]) -> None:
    item, human = _item(row, where, "reviewer_id", "reviewer_type", "review_item_number", "review_item")
    if not human:
        source.left_out["annotations of items of machines"] += 1
        return
    _paper(source, papers, where, row)
    known = papers[_id(row)].items.setdefault((item.reviewer, _whole(row, "review_item_number")), item)
    if known.text != item.text:
        raise ValueError(f"another text of this item stands at {known.where}")
    expert = needed(row, "annotator_source")
    known.said[expert] = {name: said for name in _SAID if (said := text_of(row, name)) is not None}


def _similarity(source: DataSource, papers: dict[str, _Submission], where: str, row: dict[str, Any]) -> None:
    label = needed(row, "finegrained_label")
    if label not in _LABELS:
        raise ValueError(f'finegrained_label is "{label[:80]}", which the card does not have')
    sides = [
        _item(row, where, *(f"item_{side}_{name}" for name in ("reviewer_id", "reviewer_type", "item_number", "text")))
        for side in "ab"
    ]
    if sides[0][1] == sides[1][1]:
        source.left_out["similarity pairs of two machines, or of two humans"] += 1
        return
    _paper(source, papers, where, row)
    machine, human = (sides[1], sides[0]) if sides[0][1] else sides
    side = "a" if sides[0][1] else "b"
    place = (human[0].reviewer, _whole(row, f"item_{side}_item_number"))
    paper = papers[_id(row)]
    paper.items.setdefault(place, human[0])  # an item that only the similarity check has
    paper.pairs.setdefault((machine[0].text, machine[0].reviewer), {})[place] = _LABELS[label]


def _item(row: dict[str, Any], where: str, name: str, kind: str, number: str, text: str) -> tuple[_Item, bool]:
    """(item, whether a human wrote it)."""
    wrote = needed(row, kind)
    if wrote not in (_HUMAN, _MACHINE):
        raise ValueError(f'{kind} is "{wrote[:40]}", not {_HUMAN} or {_MACHINE}')
    _whole(row, number)
    return _Item(where, needed(row, name), needed(row, text)), wrote == _HUMAN


def _id(row: dict[str, Any]) -> str:
    return str(_whole(row, "paper_id"))


def _whole(row: dict[str, Any], key: str) -> int:
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key} must be a whole number, this is {json_type(value)}")
    return value


def _article(source: DataSource, key: str, paper: _Submission) -> RawArticle:
    places = sorted(paper.items)
    reviewers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in places), 1)}
    concerns = [
        RawConcern(reviewers[name], paper.items[name, number].text, _judged(paper.items[name, number]))
        for name, number in places
    ]
    pairs = [
        RawPair(
            text,
            machine,
            {_RATER: {places.index(place): label for place, label in labels.items() if label is not None}},
            tuple(sorted(map(places.index, labels))),
        )
        for (text, machine), labels in paper.pairs.items()
    ]
    read = _read(paper.content)
    return RawArticle(
        key=key,
        venue=source.venue or "peerreview-bench",
        where=paper.where,
        title=paper.title or read.title or None,
        abstract=read.abstract or None,
        sections=read.sections,
        concerns=concerns or None,
        pairs=pairs,
        more={"license": source.licence},
    )


def _judged(item: _Item) -> dict[str, Any]:
    return {"expert_annotations": item.said} if item.said else {}


def _read(content: str | None) -> Paper:
    """The paper's Markdown, `preprint.md` in the words of the card."""
    from bioreview_bench.data.papers.text import parse_markdown

    return parse_markdown(content) if content else Paper("", "", {})
