"""PeerRead: splits, reviews that are reviews, sections; on files of the shape of its repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACL = {
    "id": "173",
    "title": "Counting terns with two models",
    "abstract": "We count terns. " * 10,
    "histories": [],
    "reviews": [
        {
            "comments": "- Strengths:\n\nThe task is new.\n\n- Weaknesses:\nThe sample is small and should be larger.",
            "RECOMMENDATION": "4",
            "is_meta_review": None,
        },
        {"comments": " ", "RECOMMENDATION": "2", "is_meta_review": None},
    ],
}
PAPER = {
    "name": "173.pdf",
    "metadata": {
        "source": "CRF",
        "title": "Counting terns with two models",
        "sections": [
            {"heading": None, "text": "RawArticle of May."},
            {"heading": "1 Introduction", "text": "Terns nest on ledges."},
            {"heading": "2 Methods", "text": ""},
            {"heading": "1 Introduction", "text": "They return each year."},
        ],
        "references": [],
    },
}
ICLR = {
    "conference": "ICLR 2017 conference submission",
    "title": "A second paper",
    "abstract": "Short.",
    "accepted": True,
    "reviews": [
        {"IS_META_REVIEW": True, "comments": "The proof is unclear."},
        {"IS_META_REVIEW": False, "comments": "We accept it.", "OTHER_KEYS": "ICLR 2017 pcs"},
        {"IS_META_REVIEW": False, "comments": "What is x?", "OTHER_KEYS": "(anonymous)"},
        {
            "IS_META_REVIEW": False,
            "comments": "The proof is unclear.",
            "OTHER_KEYS": "ICLR 2017 conference AnonReviewer1",
        },
        {"IS_META_REVIEW": False, "comments": "A question first?", "OTHER_KEYS": "ICLR 2017 conference AnonReviewer2"},
        {
            "IS_META_REVIEW": False,
            "comments": "The proof is unclear.",
            "OTHER_KEYS": "ICLR 2017 conference AnonReviewer1",
        },
    ],
}
FILES: dict[str, Any] = {
    "data/acl_2017/dev/reviews/173.json": ACL,
    "data/acl_2017/dev/parsed_pdfs/173.pdf.json": PAPER,
    "data/iclr_2017/train/reviews/316.json": ICLR,
}


def test_papers_come_with_splits_sections_and_letters(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("peerread", tree(FILES))
    assert (done.code, done.err) == (0, "")
    acl, iclr = done.articles["acl_2017:173"], done.articles["iclr_2017:316"]
    assert acl["paper_text_sections"] == {
        "": "RawArticle of May.",
        "1 Introduction": "Terns nest on ledges.\n\nThey return each year.",
    }
    assert acl["decision_letter_raw"] == (
        "Reviewer #1:\n\n- Strengths:\n\nThe task is new.\n\n- Weaknesses:\n\nThe sample is small and should be larger."
    )
    assert "concerns" not in acl
    assert iclr["decision_letter_raw"] == ("Reviewer #1:\n\nThe proof is unclear.\n\nReviewer #2:\n\nA question first?")
    assert iclr["editorial_decision"] == "accept"
    assert done.manifest["splits"] == {"val": 1, "train": 1}
    assert done.manifest["left_out"] == {
        "metareviews": 1,
        "notes of others than reviewers": 2,
        "reviews without text": 1,
    }
    assert done.lint_errors() == []


def test_rules_find_the_concerns_when_asked(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("peerread", tree(FILES), "--split-reviews")
    assert [one["concern_text"] for one in done.articles["acl_2017:173"]["concerns"]] == [
        "The sample is small and should be larger."
    ]
    assert done.articles["acl_2017:173"]["extraction_manifest_id"] == "rules-v1"
    assert done.manifest["concerns_of_whole_reviews"] == "rules-v1"
    assert done.lint_errors() == []


def test_a_section_and_a_split_of_it_may_be_named(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("peerread", tree(FILES) / "data/acl_2017/dev")
    assert list(done.articles) == ["acl_2017:173"]
    assert done.manifest["splits"] == {"val": 1}


def test_the_last_line_of_a_file_counts_as_in_its_own_reader(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    lines = json.dumps({**ACL, "title": "An earlier state"}) + "\n" + json.dumps(ACL) + "\n"
    files = {
        "data/acl_2017/dev/reviews/173.json": lines,
        "data/acl_2017/dev/reviews/174.json": json.dumps({**ACL, "id": "174"}, indent=4),
    }
    done = imported("peerread", tree(files))
    assert {name: one["title"] for name, one in done.articles.items()} == {
        "acl_2017:173": ACL["title"],
        "acl_2017:174": ACL["title"],
    }
    assert done.manifest["left_out"]["lines that a later line of the same file replaces"] == 1


def test_a_file_that_cannot_be_read_is_one_problem(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    files = {"data/acl_2017/dev/reviews/173.json": "{}}", "data/acl_2017/dev/reviews/174.json": "[1]"}
    err = imported("peerread", tree(files)).err
    assert err.count("173.json") == 1
    assert err.count("174.json: must be a JSON object") == 1
