"""ReviewCritique (Du et al. 2024): `ReviewCritique.jsonl` and `ReviewCritique_LLM.jsonl`, one paper a line.

The README of github.com/jiangshdd/ReviewCritique names the files and the licence; fields are as public code reads them:
`title`, `body_text`, `decision`, and `review#N` with `review[]`, segments of `segment_text`, `topic_class_1`,
`reliability` (yes or no), `error_type` and `explanation`; reviews by language models stand under the model's name. A
segment is a sentence or two, not a concern: reviews are kept whole, and what experts said of segments stands beside
them in `review_segments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bioreview_bench.curation.formats.raw import RawArticle, RawReview
from bioreview_bench.curation.formats.source import DataSource, listed, needed, text_of
from bioreview_bench.errors import printable

_REVIEW = re.compile(r"review#(\d{1,2})")
_SAID = ("topic_class_1", "reliability", "error_type", "explanation")


def reviewcritique(source: DataSource) -> Iterator[RawArticle]:
    """ReviewCritique: the folder with ReviewCritique.jsonl (reviews by people), or ReviewCritique_LLM.jsonl itself."""
    source.licence = "research only; not for training any model (ReviewCritique LICENSE)"
    source.notes.append("The licence forbids training on these data: leave them out of every training corpus.")
    for path in source.find("**/ReviewCritique*.jsonl"):
        if source.path.is_dir() and path.stem.endswith("_LLM"):
            source.left_out["files of reviews by language models, which are named by themselves"] += 1
            continue
        for where, row in source.rows(path):
            try:
                yield _article(source, where, row)
            except ValueError as error:
                source.wrong(where, str(error))


def _article(source: DataSource, where: str, row: dict[str, Any]) -> RawArticle:
    title = needed(row, "title")
    names = _reviews(row)
    if not names:
        raise ValueError("it has no reviews: no review#N, and nothing else with a list of segments")
    segments = [(number, segment) for number, name in names.items() for segment in _segments(row, name)]
    reviews = []
    for number in names:
        text = "\n\n".join(segment["text"] for reviewer, segment in segments if reviewer == number)
        if text:
            reviews.append(RawReview(number, text))
        else:
            source.left_out["reviews without text"] += 1
    body = text_of(row, "body_text")
    return RawArticle(
        key=title,
        venue=source.venue or "reviewcritique",
        where=where,
        title=title,
        sections={"Main text": body} if body else {},
        reviews=reviews,
        more={
            "license": source.licence,
            "editorial_decision": text_of(row, "decision"),
            "review_segments": [{"reviewer_num": number, **segment} for number, segment in segments] or None,
        },
    )


def _reviews(row: dict[str, Any]) -> dict[int, str]:
    """The fields that are reviews, by the reviewer's number; without `review#N` those of models, in order."""
    people = {int(found[1]): key for key in row if (found := _REVIEW.fullmatch(key))}
    machines = [key for key, value in row.items() if isinstance(value, dict) and isinstance(value.get("review"), list)]
    return dict(sorted(people.items())) or dict(enumerate(machines, 1))


def _segments(row: dict[str, Any], name: str) -> Iterator[dict[str, str]]:
    review = row[name]
    if review is None:
        return
    if not isinstance(review, dict):
        raise ValueError(f"{printable(name, 40)} must be an object")
    for segment in listed(review, "review"):
        text = text_of(segment, "segment_text")
        if text is not None:
            said = {
                name: segment[name] for name in _SAID if isinstance(segment.get(name), str) and segment[name].strip()
            }
            yield {"text": text, **said}
