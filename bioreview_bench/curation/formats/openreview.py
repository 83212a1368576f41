"""Exports of OpenReview: notes as its API gives them, version 1 (`invitation`) or 2 (`invitations`, `{"value": ...}`).

As docs.openreview.net and openreview-py have them: `{"notes": [...]}`, a list, or a note a line; replies as notes of
their own or under `details.replies` or `details.directReplies`. A submission is a note whose `forum` is its `id`. What
a reply is, the last part of its invitation says (`Official_Review`, `Meta_Review`, `Decision`; `official/review` and
`public/review` in 2017); authors are known by their signature. Fields of a review that are texts are kept, each under
its name; scores are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bioreview_bench.curation.formats.raw import RawArticle, RawReview, headed, venue_of
from bioreview_bench.curation.formats.source import DataSource, listed, needed, text_of
from bioreview_bench.files.jsonl import json_type

_REVIEW = re.compile(r"(?:[a-z]+_)*review")
_NO_REVIEW = re.compile(r"(?:.*_)?(?:meta|ethics|public)_?review")
_DECISIONS = ("decision", "acceptance_decision", "acceptance")  # of most years, of ICLR 2018, of ICLR 2017
_SCORE = re.compile(r"\s*-?\d+(?:\.\d+)?(?:\s*:.{0,200}|(?:\s+\w+){0,3})\s*")  # "8: Top 50% of papers", "3 good"
_NO_TEXT = frozenset(("title", "code_of_conduct", "reproducibility", "confidence", "rating", "recommendation"))
_FEWEST_WORDS = 3


@dataclass
class _Forum:
    """A submission, where it stands, and the notes about it, each once."""

    submission: dict[str, Any] | None = None
    where: str = ""
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)


def openreview(source: DataSource) -> Iterator[RawArticle]:
    """OpenReview: notes with their replies as the API (1 or 2) gives them, in .json or .jsonl, one file or a folder."""
    source.notes.append("Texts of OpenReview have the licence of their venue; where a note states one it is kept.")
    forums: dict[str, _Forum] = {}
    for where, note in _notes(source):
        try:
            _sort_in(forums, where, note)
        except ValueError as error:
            source.wrong(where, str(error))
    for forum in forums.values():
        if forum.submission is None:
            source.left_out["notes whose submission is not there"] += len(forum.replies)
            continue
        try:
            yield _article(source, forum.submission, forum)
        except ValueError as error:
            source.wrong(forum.where, str(error))


def _notes(source: DataSource) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in source.find("**/*.jsonl"):
        yield from source.rows(path)
    for path in source.find("**/*.json"):
        value = source.json(path)
        notes = value.get("notes", [value]) if isinstance(value, dict) else value
        for number, note in enumerate(notes if isinstance(notes, list) else []):
            where = f"{source.name(path)}:notes[{number}]"
            if isinstance(note, dict):
                yield where, note
            else:
                source.wrong(where, f"a note is an object, this is {json_type(note)}")
        if value is not None and not isinstance(notes, list):
            source.wrong(source.name(path), f"notes must be a list, this is {json_type(notes)}")


def _sort_in(forums: dict[str, _Forum], where: str, note: dict[str, Any]) -> None:
    details = note.get("details")
    inner = (
        [one for key in ("replies", "directReplies") for one in listed(details, key)]
        if isinstance(details, dict)
        else []
    )
    for one in (note, *inner):
        name, thread = needed(one, "id"), text_of(one, "forum")
        if not isinstance(one.get("content"), dict):
            raise ValueError(f"content of {name} must be an object, this is {json_type(one.get('content'))}")
        forum = forums.setdefault(thread or name, _Forum())
        if (thread or name) != name:
            forum.replies.setdefault(name, one)
        elif forum.submission is None:
            forum.submission, forum.where = one, where
        else:
            raise ValueError(f"a second note with the id {name} (the first is at {forum.where})")


def _article(source: DataSource, note: dict[str, Any], forum: _Forum) -> RawArticle:
    reviews: list[str] = []
    answers: list[str] = []
    decision = _value(note, "decision")  # ICLR 2013 and 2014 have it in the submission
    for reply in sorted(forum.replies.values(), key=_when):
        kind = _kind(reply)
        text = headed(_texts(reply))
        if kind in _DECISIONS:
            decision = _value(reply, "decision") or decision
        elif any(str(one).endswith("/Authors") for one in _signatures(reply)):
            answers += [text] if text else []
        elif not _REVIEW.fullmatch(kind) or _NO_REVIEW.fullmatch(kind):
            source.left_out["notes that are no reviews"] += 1
        elif text:
            reviews.append(text)
        else:
            source.left_out["reviews without text"] += 1
    return RawArticle(
        key=needed(note, "id"),
        venue=source.venue or venue_of(_venue(note), "openreview"),
        where=forum.where,
        title=_value(note, "title"),
        abstract=_value(note, "abstract"),
        reviews=[RawReview(number, text) for number, text in enumerate(reviews, 1)],
        response="\n\n".join(answers) or None,
        more={"editorial_decision": decision, "license": text_of(note, "license"), "published_date": _day(note)},
    )


def _invitations(note: dict[str, Any]) -> list[str]:
    several = note.get("invitations")
    return [one for one in (several if isinstance(several, list) else [note.get("invitation")]) if isinstance(one, str)]


def _kind(note: dict[str, Any]) -> str:
    """What a note is, in lower case: the last part of the invitation that is not an edit of it."""
    names = [one.lower().replace("/public/", "/public_") for one in _invitations(note)]
    tails = [one.rpartition("/")[2] for one in names]
    return next((tail for tail in tails if tail not in ("edit", "revision")), "")


def _venue(note: dict[str, Any]) -> str:
    return next((one.partition("/-/")[0] for one in _invitations(note)), "")


def _signatures(note: dict[str, Any]) -> list[Any]:
    found = note.get("signatures")
    return found if isinstance(found, list) else []


def _content(note: dict[str, Any]) -> dict[str, Any]:
    """Fields by name, whatever the version of the API."""
    return {
        name: value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in note["content"].items()
    }


def _value(note: dict[str, Any], name: str) -> str | None:
    return text_of(_content(note), name)


def _texts(note: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in _content(note).items()
        if isinstance(value, str)
        and name.lower() not in _NO_TEXT
        and len(value.split()) >= _FEWEST_WORDS
        and not _SCORE.fullmatch(value)
    ]


def _when(note: dict[str, Any]) -> tuple[int, str]:
    return _stamp(note) or 0, str(note["id"])


def _stamp(note: dict[str, Any]) -> int | None:
    """When a note was made, in milliseconds since 1970."""
    stamps = (note.get(name) for name in ("cdate", "tcdate"))
    return next((one for one in stamps if isinstance(one, int) and 0 < one < 32503680000000), None)


def _day(note: dict[str, Any]) -> str | None:
    stamp = _stamp(note)
    return datetime.fromtimestamp(stamp / 1000, UTC).date().isoformat() if stamp else None
