"""PeerRead (Kang et al. 2018): `SECTION/{train,dev,test}/reviews/ID.json` with `parsed_pdfs/ID.pdf.json` beside it.

Fields as in github.com/allenai/PeerRead (code/models): `title`, `abstract`, `accepted`, `reviews[].comments`, and in
parsed papers `metadata.sections[].{heading, text}`. Its reader takes the last line of a file of reviews. In the ICLR
section, notes of authors and of the public stand among the reviews, known by `OTHER_KEYS`; metareviews repeat a review.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bioreview_bench.curation.formats.raw import RawArticle, RawReview, venue_of
from bioreview_bench.curation.formats.source import DataSource, listed, text_of

_SPLITS = {"train": "train", "dev": "val", "test": "test"}
_REVIEWER = re.compile(r"AnonReviewer\d*")


def peerread(source: DataSource) -> Iterator[RawArticle]:
    """PeerRead: the repository, its folder data, one section (acl_2017), or one split of a section."""
    source.notes.append(
        "PeerRead states no licence for its data as a whole; its sections have agreements of their own."
    )
    for path in source.find("**/reviews/*.json"):
        row = source.last_object(path)
        if row is None:
            continue
        try:
            yield _article(source, path, row)
        except ValueError as error:
            source.wrong(source.name(path), str(error))


def _article(source: DataSource, path: Path, row: dict[str, Any]) -> RawArticle:
    split, section = path.resolve().parents[1].name, path.resolve().parents[2].name
    accepted = row.get("accepted")
    return RawArticle(
        key=text_of(row, "id") or path.stem,
        venue=source.venue or venue_of(section, "peerread"),
        where=source.name(path),
        title=text_of(row, "title"),
        abstract=text_of(row, "abstract"),
        sections=_sections(source, path.parents[1] / "parsed_pdfs" / f"{path.stem}.pdf.json"),
        reviews=_reviews(source, row),
        split=_SPLITS.get(split),
        more={"editorial_decision": {True: "accept", False: "reject"}[accepted]} if isinstance(accepted, bool) else {},
    )


def _reviews(source: DataSource, row: dict[str, Any]) -> list[RawReview]:
    """Reviews by reviewer, in order; the notes of one reviewer are one review."""
    by_reviewer: dict[str, list[str]] = {}
    for number, review in enumerate(listed(row, "reviews")):
        text, signed = text_of(review, "comments"), text_of(review, "OTHER_KEYS")
        if text is None:
            source.left_out["reviews without text"] += 1
        elif review.get("is_meta_review") or review.get("IS_META_REVIEW"):
            source.left_out["metareviews"] += 1
        elif signed is not None and not _REVIEWER.search(signed):
            source.left_out["notes of others than reviewers"] += 1
        else:
            texts = by_reviewer.setdefault(signed or str(number), [])
            if text not in texts:
                texts.append(text)
    return [RawReview(place, "\n\n".join(texts)) for place, texts in enumerate(by_reviewer.values(), 1)]


def _sections(source: DataSource, path: Path) -> dict[str, str]:
    if not path.is_file() or path.is_symlink():
        return {}
    metadata = (source.object(path) or {}).get("metadata")
    sections: dict[str, str] = {}
    for section in listed(metadata, "sections") if isinstance(metadata, dict) else []:
        heading, text = text_of(section, "heading") or "", text_of(section, "text")
        if text is not None:
            sections[heading] = f"{sections[heading]}\n\n{text}" if heading in sections else text
    return sections
