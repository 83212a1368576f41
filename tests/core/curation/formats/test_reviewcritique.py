"""ReviewCritique: whole reviews of segments, what experts said beside them, and the licence; on rows of its shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def segment(text: str, topic: str, reliability: str, kind: Any = "") -> dict[str, Any]:
    return {
        "segment_text": text,
        "topic_class_1": topic,
        "reliability": reliability,
        "error_type": kind,
        "explanation": "x",
    }


ROW = {
    "decision": "Reject",
    "title": "Counting Terns: A Study?",
    "body_text": "1 Introduction\nTerns nest on ledges.",
    "review#2": {"review": [segment("Why only one ledge?", "Weakness", "yes")], "score": {"Recommendation": " 3"}},
    "review#1": {
        "review": [
            segment("The paper counts terns.", "Summary", "yes"),
            segment("It should cite gulls.", "Weakness", "no", "Out-of-scope"),
            segment(" ", "", "yes", float("nan")),
        ],
        "score": {},
    },
    "review#3": {"review": [], "score": {}},
}


def write(tree: Callable[..., Path], *rows: dict[str, Any]) -> Path:
    lines = "".join(json.dumps(row).replace("NaN", "null") + "\n" for row in rows)
    return tree({"data/ReviewCritique.jsonl": lines, "data/ReviewCritique_LLM.jsonl": "{"}) / "data"


def test_reviews_stay_whole_and_experts_beside_them(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("reviewcritique", write(tree, ROW))
    assert (done.code, done.err) == (0, "")
    (article,) = done.articles.values()
    assert article["id"].startswith("reviewcritique:Counting-Terns-A-Study-")
    assert article["decision_letter_raw"] == (
        "Reviewer #1:\n\nThe paper counts terns.\n\nIt should cite gulls.\n\nReviewer #2:\n\nWhy only one ledge?"
    )
    assert article["review_segments"][1] == {
        "reviewer_num": 1,
        "text": "It should cite gulls.",
        "topic_class_1": "Weakness",
        "reliability": "no",
        "error_type": "Out-of-scope",
        "explanation": "x",
    }
    assert article["license"].startswith("research only; not for training")
    assert "forbids training" in done.out
    assert done.manifest["left_out"]["reviews without text"] == 1
    assert done.lint_errors() == []


def test_rows_of_another_shape_are_problems(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    rows = [{**ROW, "title": None}, {**ROW, "review#1": "text"}, {**ROW, "review#1": {"review": ["text"]}}]
    err = imported("reviewcritique", write(tree, *rows)).err
    assert "jsonl:1: title is blank or null" in err
    assert "jsonl:2: review#1 must be an object" in err
    assert "jsonl:3: review must be a list of objects" in err
    assert "it has no reviews" in imported("reviewcritique", write(tree, {"title": "A title", "body_text": "x"})).err


def test_reviews_of_models_stand_under_their_names(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    row = {key: value for key, value in ROW.items() if not key.startswith("review#")}
    row |= {"gpt4": {"review": [segment("Too few terns.", "Weakness", "yes")]}, "claude_opus": ROW["review#2"]}
    path = tree({"data/ReviewCritique_LLM.jsonl": json.dumps(row)}) / "data/ReviewCritique_LLM.jsonl"
    (article,) = imported("reviewcritique", path).articles.values()
    assert article["decision_letter_raw"] == "Reviewer #1:\n\nToo few terns.\n\nReviewer #2:\n\nWhy only one ledge?"


def test_the_folder_of_the_repository_may_be_named(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("reviewcritique", write(tree, ROW).parent)
    assert (done.code, len(done.articles)) == (0, 1)
    assert done.manifest["left_out"]["files of reviews by language models, which are named by themselves"] == 1
