"""OpenReview: notes of both versions of the API, with replies inside or beside; on notes of the documented shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIELDS = {
    "summary": "The paper counts terns.",
    "weaknesses": "1. There is no control ledge, which should be added.",
    "rating": "3: reject, not good enough",
    "soundness": "2 fair",
    "confidence": "4: high",
    "title": "Official review",
}
VENUE = "ICLR.cc/2024/Conference"


def note(name: str, kind: str, content: dict[str, Any], version: int, **more: Any) -> dict[str, Any]:
    if version == 1:
        return {"id": name, "forum": "f1", "invitation": f"{VENUE}/-/{kind}", "content": content, **more}
    invitations = [f"{VENUE}/Submission1/-/{kind}" if name != "f1" else f"{VENUE}/-/{kind}", f"{VENUE}/-/Edit"]
    values = {key: {"value": value} for key, value in content.items()}
    return {"id": name, "forum": "f1", "invitations": invitations, "content": values, **more}


def thread(version: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    paper = {"title": "Terns", "abstract": "We count terns.", "keywords": ["birds"]}
    submission = note("f1", "Submission", paper, version, license="CC BY 4.0", cdate=1700000000000)
    authors = [f"{VENUE}/Submission1/Authors"]
    replies = [
        note("r2", "Official_Review", {"review": "Why was only one ledge watched?"}, version, cdate=5),
        note("r1", "Official_Review", FIELDS, version, cdate=3, signatures=[f"{VENUE}/Submission1/Reviewer_a"]),
        note("m", "Meta_Review", {"metareview": "All agree that it is weak."}, version),
        note("c", "Official_Comment", {"comment": "We added a control ledge."}, version, signatures=authors),
        note("p", "Public_Comment", {"comment": "What a nice paper this is."}, version),
        note("d", "Decision", {"decision": "Reject"}, version),
    ]
    return submission, replies


def as_answer(version: int) -> dict[str, Any]:
    submission, replies = thread(version)
    return {"notes.json": {"notes": [submission, *replies], "count": 7}}


def as_details(version: int) -> dict[str, Any]:
    submission, replies = thread(version)
    return {"notes.json": [submission | {"details": {"directReplies": replies, "replies": replies}}]}


def as_lines(version: int) -> dict[str, Any]:
    submission, replies = thread(version)
    return {"a/replies.jsonl": "".join(json.dumps(one) + "\n" for one in replies), "b.jsonl": json.dumps(submission)}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("shape", [as_answer, as_details, as_lines])
def test_reviews_responses_and_decisions_are_told_apart(
    imported: Callable[..., Any], tree: Callable[..., Path], version: int, shape: Callable[[int], dict[str, Any]]
) -> None:
    done = imported("openreview", tree(shape(version)))
    assert (done.code, done.err) == (0, "")
    (article,) = done.articles.values()
    assert article["id"] == "iclr-cc-2024-conference:f1"
    assert article["decision_letter_raw"] == (
        "Reviewer #1:\n\nSummary:\n\nThe paper counts terns.\n\n"
        "Weaknesses:\n\n1. There is no control ledge, which should be added.\n\n"
        "Reviewer #2:\n\nReview:\n\nWhy was only one ledge watched?"
    )
    assert article["author_response_raw"] == "Comment:\n\nWe added a control ledge."
    assert (article["editorial_decision"], article["license"]) == ("Reject", "CC BY 4.0")
    assert article["published_date"] == "2023-11-14"
    assert (article["title"], article["abstract"]) == ("Terns", "We count terns.")
    assert done.manifest["left_out"] == {"notes that are no reviews": 2}
    assert done.lint_errors() == []


@pytest.mark.parametrize(
    ("year", "review", "decision"),
    [
        ("ICLR.cc/2017/conference/-/paper1", "official/review", "acceptance"),
        ("ICLR.cc/2018/Conference/-", "Paper1/Official_Review", "Acceptance_Decision"),
        ("ICLR.cc/2020/Conference/Paper1/-", "Official_Review", "Decision"),
        ("TMLR/Paper1/-", "Review", "Decision"),
    ],
)
def test_older_invitations_are_known(
    imported: Callable[..., Any], tree: Callable[..., Path], year: str, review: str, decision: str
) -> None:
    def reply(name: str, kind: str, content: dict[str, str]) -> dict[str, Any]:
        return {"id": name, "forum": "f1", "invitation": f"{year}/{kind}", "content": content}

    notes = [
        {"id": "f1", "forum": "f1", "invitation": "v/-/submission", "content": {"title": "Terns", "abstract": "x"}},
        reply("r1", review, {"review": "Why was only one ledge watched?"}),
        reply("p1", "public/review", {"review": "I liked these birds very much."}),
        reply("d1", decision, {"decision": "Accept (Poster)", "comment": "All agree that it is good."}),
    ]
    done = imported("openreview", tree({"notes.json": {"notes": notes}}))
    (article,) = done.articles.values()
    assert article["decision_letter_raw"] == "Reviewer #1:\n\nReview:\n\nWhy was only one ledge watched?"
    assert article["editorial_decision"] == "Accept (Poster)"
    assert done.manifest["left_out"] == {"notes that are no reviews": 1}


def test_a_decision_may_stand_in_the_submission(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    paper = {"title": "Terns", "abstract": "We count terns.", "decision": "submitted, no decision"}
    notes = [note("f1", "submission", paper, 1), note("r1", "review", FIELDS, 1)]
    (article,) = imported("openreview", tree({"notes.json": notes})).articles.values()
    assert article["editorial_decision"] == "submitted, no decision"


def test_rules_find_weaknesses_and_not_the_summary(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("openreview", tree(as_answer(2)), "--split-reviews")
    (article,) = done.articles.values()
    assert [(one["reviewer_num"], one["concern_text"]) for one in article["concerns"]] == [
        (1, "There is no control ledge, which should be added."),
        (2, "Why was only one ledge watched?"),
    ]


def test_headings_of_review_forms_say_where_concerns_stand(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    form = {
        "paper_summary": "The paper should interest those who count terns.",
        "summary_of_strengths": "The authors should be praised for their patience.",
        "summary_of_weaknesses": "The choice of ledges should be justified.",
        "questions": "Could the authors share the counts?",
    }
    submission = thread(2)[0]
    done = imported(
        "openreview", tree({"notes.json": [submission, note("r", "Official_Review", form, 2)]}), "--split-reviews"
    )
    (article,) = done.articles.values()
    assert [one["concern_text"] for one in article["concerns"]] == [
        "The choice of ledges should be justified.",
        "Could the authors share the counts?",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"notes": 5}, "notes must be a list, this is a number"),
        ([5], "notes.json:notes[0]: a note is an object, this is a number"),
        ([{"content": {}}], "id is missing"),
        ([{"id": "x", "forum": "x", "content": []}], "content of x must be an object, this is an array"),
        ([{"id": "x", "content": {"title": 7}}], "title must be a string, this is a number"),
        ([{"id": "x", "content": {}}, {"id": "x", "content": {}}], "a second note with the id x"),
        ([{"id": "x", "content": {}, "details": {"replies": [1]}}], "replies must be a list of objects"),
    ],
)
def test_notes_of_another_shape_are_problems(
    imported: Callable[..., Any], tree: Callable[..., Path], content: Any, says: str
) -> None:
    done = imported("openreview", tree({"notes.json": content}))
    assert done.code == 2
    assert says in done.err


def test_replies_without_their_submission_are_counted(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    stray = note("r9", "Official_Review", FIELDS, 2) | {"forum": "f9"}
    done = imported("openreview", tree({"notes.json": [*thread(2)[1], thread(2)[0], stray]}))
    assert done.manifest["left_out"]["notes whose submission is not there"] == 1
