"""NLPeer: versions, structured reports, papers as graphs; on files of the shape of its README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def node(ix: int, kind: str, content: str) -> dict[str, Any]:
    return {"ix": f"p_{ix}", "content": content, "ntype": kind, "meta": None}


def edge(source: int, target: int, kind: str = "next") -> dict[str, Any]:
    return {"src_ix": f"p_{source}", "tgt_ix": f"p_{target}", "etype": kind, "meta": None}


GRAPH = {
    "nodes": [
        node(0, "title", "Terns"),
        node(3, "paragraph", "They fish."),
        node(1, "abstract", "We count terns."),
        node(2, "heading", "Introduction"),
        node(4, "figure", "A map."),
        node(5, "list_item", "They return."),
        node(9, "paragraph", "Not in the text."),
    ],
    "span_nodes": [],
    "edges": [edge(0, 1), edge(1, 2), edge(0, 2, "parent"), edge(2, 3), edge(3, 4), edge(4, 5)],
    "prefix": "p",
    "meta": {"ix_counter": 9},
}
REVIEWS = [
    {
        "rid": "r1",
        "reviewer": None,
        "report": {"main": "A fine paper.", "summary_of_weaknesses": "The control is missing.", "ethics": None},
        "scores": {"overall": "4"},
        "meta": {},
    },
    {"rid": "r2", "reviewer": "N. N.", "report": {"main": ""}, "scores": {}, "meta": {}},
]
META = {"title": "Terns", "authors": ["A. B."], "abstract": "We count terns.", "license": "CC BY 4.0"}
FILES: dict[str, Any] = {
    "ARR-22/meta.json": {},
    "ARR-22/data/12ab/meta.json": {},
    "ARR-22/data/12ab/v1/meta.json": META,
    "ARR-22/data/12ab/v1/reviews.json": [],
    "ARR-22/data/12ab/v2/meta.json": META,
    "ARR-22/data/12ab/v2/reviews.json": REVIEWS,
    "ARR-22/data/12ab/v2/paper.itg.json": GRAPH,
    "ARR-22/data/12ab/v3/meta.json": META,
    "ARR-22/data/12ab/v3/reviews.json": REVIEWS[:1],
    "F1000/data/6-229/v1/meta.json": META,
    "F1000/data/6-229/v1/reviews.json": REVIEWS[:1],
}


def test_the_first_version_with_reviews_is_taken(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("nlpeer", tree(FILES))
    assert (done.code, done.err) == (0, "")
    article = done.articles["arr-22:12ab"]
    assert article["paper_text_sections"] == {"Introduction": "They fish.\n\nThey return."}
    assert (article["title"], article["abstract"], article["license"]) == ("Terns", "We count terns.", "CC BY 4.0")
    assert article["revision_round"] == 2
    assert article["decision_letter_raw"] == (
        "Reviewer #1:\n\nA fine paper.\n\nSummary of weaknesses:\n\nThe control is missing."
    )
    assert done.manifest["left_out"] == {"reviews of later versions": 1, "reviews without text": 1}
    assert done.lint_errors() == []


def test_a_venue_that_is_a_preset_keeps_clear_of_its_ids(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    done = imported("nlpeer", tree(FILES) / "F1000")
    assert list(done.articles) == ["nlpeer-f1000:6-229"]


def test_nodes_in_a_circle_and_reports_that_are_no_objects_are_problems(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    circle = GRAPH | {"edges": [edge(0, 1), edge(1, 0)]}
    root = tree(
        {
            "ARR-22/data/a/v1/meta.json": META,
            "ARR-22/data/a/v1/paper.itg.json": circle,
            "ARR-22/data/b/v1/meta.json": META,
            "ARR-22/data/b/v1/reviews.json": [{"report": "text"}],
            "ARR-22/data/c/v1/meta.json": [],
        }
    )
    err = imported("nlpeer", root).err
    assert "data/a: the next edges of the paper have no beginning" in err
    assert "data/b: v1: reviews[0].report is a string, not an object" in err
    assert "data/c/v1/meta.json: must be a JSON object, this is an array" in err
