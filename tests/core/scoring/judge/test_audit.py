"""`bench contract audit` of a judge, against the real openai client and a judge on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.results.validity import ALL

REFERENCES = ["cells need controls", "statistics lack power"]
TEXTS = {"add controls": "same", "cells were few": "related", "report power": "same"}


@pytest.fixture
def audit(loopback_judge: Any, bench: Any, tmp_path: Path) -> Any:
    """`bench contract audit` on two articles whose raters go by the rule of the loopback judge."""
    articles, judged = [], []
    for number in (1, 2):
        name = f"elife:{number}"
        concerns = [
            {"concern_id": f"{name}:R1C{place}", "concern_text": text, "category": "other", "severity": "major"}
            for place, text in enumerate(REFERENCES)
        ]
        sections = {"Results": "We counted the cells of every animal in the study and report all of them here."}
        articles.append({"id": name, "source": "elife", "concerns": concerns, "paper_text_sections": sections})
        for text in TEXTS:
            labels = {
                concern["concern_id"]: label
                for concern in concerns
                if (label := loopback_judge.rule(text, concern["concern_text"])) != "different"
            }
            judged.append({"article_id": name, "text": text, "labels": {"a": labels, "b": labels}})
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in articles))
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in judged))
    where = ("--judgements", tmp_path / "pairs.jsonl", "--data", folder, "--split", "test", "--draws", 0)
    return lambda *more: bench(
        "contract", "audit", "judge:openai:small", *where, "--base-url", loopback_judge.url, *more
    )


def test_a_judge_that_goes_by_the_raters_rule_is_right_about_every_match(loopback_judge: Any, audit: Any) -> None:
    code, out, err = audit("--format", "json")
    assert code == 0, err
    figures = json.loads(out)["groups"][ALL]
    # Two articles: of three texts two make a point, and the judge finds both with their references.
    assert (figures["matched_same"]["n"], figures["matched_same"]["of"]) == (4, 4)
    assert (figures["found"]["n"], figures["found"]["of"]) == (4, 4)
    assert figures["average_precision"]["value"] == 1.0
    asked = len(loopback_judge.asked)
    assert audit("--format", "json")[1] == out
    assert len(loopback_judge.asked) == asked


def test_the_card_is_kept_and_stands_wherever_the_judge_scores(
    loopback_judge: Any, audit: Any, bench: Any, cache: Path
) -> None:
    name = "judge:openai:small"
    assert audit("--dry-run")[0] == 0
    assert not (cache / "cards").exists()
    assert audit("--quiet")[0] == 0
    assert len(list((cache / "cards").glob("*.card.json"))) == 1
    assert "100% of 4 matches are the same point" in bench("contract", "list")[1]
    assert "measured on" in bench("contract", "show", name)[1]
    score = ("evaluate", "demo:careful", "--data", "demo", "--base-url", loopback_judge.url, "--draws", 0, "--contract")
    found = {contract: bench(*score, contract, "--format", "json")[1] for contract in (name, f"{name}?seed=1")}
    claims = {contract: json.loads(out)["validity"] for contract, out in found.items()}
    assert (claims[name]["n_matched"], claims[name]["same"]) == (4, 1.0)
    assert set(claims[f"{name}?seed=1"].values()) == {None}
    assert bench("cache", "clear", "--yes")[0] == 0
    assert "100% of 4 matches" in bench("contract", "list")[1]


def test_a_dry_run_prints_the_plan_and_asks_nothing(loopback_judge: Any, audit: Any) -> None:
    code, out, _ = audit("--dry-run", "--format", "json")
    assert code == 0
    plan = json.loads(out)
    assert not loopback_judge.asked
    assert audit()[0] == 0
    assert len(loopback_judge.asked) == plan["left"]


def test_an_article_without_a_valid_answer_makes_no_card(loopback_judge: Any, audit: Any, tmp_path: Path) -> None:
    loopback_judge.spoil = lambda answer, lists: "?" if "add controls" in lists["predictions"].values() else None
    card = tmp_path / "x.card.json"
    code, out, err = audit("-o", card)
    assert code == 5
    assert "elife:1" in err
    assert out == ""
    assert not card.exists()
