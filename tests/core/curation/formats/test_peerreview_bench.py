"""PeerReview Bench: items of humans as references, similarity checks as judged pairs; on rows of the card's shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.data.folder import ALL, read_split
from bioreview_bench.validity.judgements import SAME, read_judgements

CONTENT = "# Terns on a ledge\n\n## Abstract\n\nWe count terns.\n\n## Methods\n\nWe looked at a ledge."
SAME_EVIDENCE = "same subject, same argument, same evidence"
PAPER = {"paper_id": 7, "paper_title": "Terns on a ledge", "paper_content": CONTENT, "file_refs": []}
POINTS = {1: "There is no control ledge.", 2: "The sample of terns is too small."}


def annotated(reviewer: str, kind: str, number: int, text: str, expert: str = "primary", **said: str) -> dict[str, Any]:
    row = {"annotator_source": expert, "reviewer_id": reviewer, "reviewer_type": kind, "review_item_number": number}
    labels = {"correctness": "Correct", "significance": "Significant", "evidence": "Sufficient", **said}
    return {**PAPER, **row, "review_item": text, **labels, "annotator_comments": None}


def compared(number: int, a: tuple[str, str, int, str], b: tuple[str, str, int, str], label: str) -> dict[str, Any]:
    names = ("reviewer_id", "reviewer_type", "item_number", "text")
    sides = {
        f"item_{side}_{name}": v for side, item in (("a", a), ("b", b)) for name, v in zip(names, item, strict=True)
    }
    more = {
        "binary_label": "similar",
        "finegrained_label": label,
        "pair_type": "AI-Human",
        "rationale": "",
        "source_bucket": "x",
    }
    shared = {name: PAPER[name] for name in ("paper_id", "paper_title", "paper_content")}
    return {"eval_pair_id": f"eval_{number:03}", "source_pair_id": "s", **shared, **sides, **more}


MACHINE = ("gpt-5.2", "AI", 1, "A control ledge is missing from the design.")
HUMAN = [("Human_2", "Human", number, POINTS[number]) for number in (1, 2)]
ROWS = {
    "reviewer": [{**PAPER, "rubric": ["x"]}],
    "expert_annotation": [
        annotated("Human_2", "Human", 1, POINTS[1]),
        annotated("Human_2", "Human", 1, POINTS[1], "secondary", significance="Not Significant"),
        annotated("Human_2", "Human", 2, POINTS[2]),
        annotated("Human_1", "Human", 1, "Which terns were counted in May?"),
        annotated("gpt-5.2", "AI", 1, MACHINE[3]),
    ],
    "similarity_check": [
        compared(1, MACHINE, HUMAN[0], SAME_EVIDENCE),
        compared(2, HUMAN[1], MACHINE, "same subject, different argument"),
        compared(3, ("claude", "AI", 4, "The prose is hard to read."), HUMAN[0], "different subject"),
        compared(4, MACHINE, ("claude", "AI", 2, "No control."), SAME_EVIDENCE),
    ],
}


def write(root: Path, rows: dict[str, list[dict[str, Any]]], form: str) -> Path:
    for config, each in rows.items():
        (root / config).mkdir(parents=True)
        if form == "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(each), root / config / "eval-00000-of-00001.parquet")
        else:
            (root / config / "eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in each))
    return root


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_items_of_humans_are_the_references(imported: Callable[..., Any], tmp_path: Path, form: str) -> None:
    done = imported("peerreview-bench", write(tmp_path / "prb", ROWS, form))
    assert (done.code, done.err) == (0, "")
    (article,) = done.articles.values()
    assert article["id"] == "peerreview-bench:7"
    assert (article["title"], article["abstract"]) == ("Terns on a ledge", "We count terns.")
    assert article["paper_text_sections"] == {"Methods": "We looked at a ledge."}
    assert article["license"] == "CC-BY-4.0"
    assert {one["concern_id"]: one["concern_text"] for one in article["concerns"]} == {
        "peerreview-bench:7:R1C1": "Which terns were counted in May?",
        "peerreview-bench:7:R2C1": POINTS[1],
        "peerreview-bench:7:R2C2": POINTS[2],
    }
    assert article["concerns"][1]["expert_annotations"]["secondary"]["significance"] == "Not Significant"
    assert done.manifest["left_out"] == {
        "annotations of items of machines": 1,
        "similarity pairs of two machines, or of two humans": 1,
    }
    assert done.lint_errors() == []


def test_similarity_checks_become_judged_pairs_of_the_references_that_were_seen(
    imported: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = imported("peerreview-bench", write(tmp_path / "prb", ROWS, "jsonl"))
    assert done.manifest["judged_texts"] == 2
    path = done.folder / "judged_pairs.jsonl"
    found = read_judgements([path], read_split(done.folder, ALL))
    machine, other = found.texts
    assert machine.labels == {"expert": {"peerreview-bench:7:R2C1": SAME, "peerreview-bench:7:R2C2": 1}}
    assert machine.judged == ("peerreview-bench:7:R2C1", "peerreview-bench:7:R2C2")
    assert (other.labels, other.judged, other.reviewer) == ({"expert": {}}, ("peerreview-bench:7:R2C1",), "claude")
    audit = ["contract", "audit", "jaccard", "--judgements", path, "--data", done.folder, "--split", "all"]
    assert run([*map(str, audit), "--format", "json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["agreement"]["n_pairs"] == card["groups"]["all"]["n_pairs"] == 3


@pytest.mark.parametrize(
    ("config", "change", "says"),
    [
        ("expert_annotation", {"reviewer_type": "Bot"}, 'reviewer_type is "Bot", not Human or AI'),
        ("expert_annotation", {"paper_id": "7"}, "paper_id must be a whole number, this is a string"),
        ("expert_annotation", {"review_item": None}, "review_item is blank or null"),
        ("expert_annotation", {"review_item": "Something else here."}, "another text of this item stands at"),
        ("similarity_check", {"finegrained_label": "alike"}, 'finegrained_label is "alike"'),
        ("reviewer", {"paper_content": 5}, "paper_content must be a string"),
    ],
)
def test_rows_of_another_shape_are_problems(
    imported: Callable[..., Any], tmp_path: Path, config: str, change: dict[str, Any], says: str
) -> None:
    rows = {name: [dict(row) for row in each] for name, each in ROWS.items()}
    rows[config][-1 if config == "reviewer" else 1] |= change
    done = imported("peerreview-bench", write(tmp_path / "prb", rows, "jsonl"))
    assert done.code == 2
    assert says in done.err


def test_one_file_of_it_is_not_enough(imported: Callable[..., Any], tmp_path: Path) -> None:
    root = write(tmp_path / "prb", ROWS, "jsonl")
    assert "name the folder" in imported("peerreview-bench", root / "reviewer/eval.jsonl").err
