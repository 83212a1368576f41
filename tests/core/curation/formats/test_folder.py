"""Plain folders: a paper as text, Markdown or JATS, reviews as text; and from there to a score, as the docs say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run

TOPICS = ("terns", "gulls", "auks", "skuas", "puffins", "petrels")
PLACES = ("Skomer", "Texel", "Helgoland", "Runde", "Grassholm", "Heimaey")


def markdown(topic: str, place: str) -> str:
    return (
        f"# How {topic} of {place} choose a ledge\n\n## Abstract\n\nWe asked how {topic} choose a ledge on {place} "
        f"and watched {topic} there for a year.\n\n## Introduction\n\nThe {topic} of {place} nest on ledges."
        f"\n\n## Methods\n\nWe watched {topic} of {place} from a boat.\n"
    )


REVIEW = (
    "Major points:\n\n1. A control ledge without {0} should be added to the design.\n\n"
    "2. Why was {0} mortality ignored?\n"
)
FILES: dict[str, Any] = {
    **{f"{topic}/paper.md": markdown(topic, place) for topic, place in zip(TOPICS, PLACES, strict=True)},
    **{f"{topic}/review-1.txt": REVIEW.format(topic) for topic in TOPICS},
    "terns/referee.md": "The statistics are unclear and must be described.",
    "terns/response.txt": "We added a control ledge.",
    "terns/LICENSE": "CC BY 4.0\n",
    "terns/figure.png": "x",
    "README.md": "About these data.",
}


def test_a_folder_for_each_paper(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("folder", tree(FILES, "My Papers"))
    assert (done.code, done.err) == (0, "")
    assert list(done.articles) == sorted(f"my-papers:{topic}" for topic in TOPICS)
    article = done.articles["my-papers:terns"]
    assert article["title"] == "How terns of Skomer choose a ledge"
    assert article["abstract"].startswith("We asked how terns")
    assert list(article["paper_text_sections"]) == ["Introduction", "Methods"]
    assert article["decision_letter_raw"].endswith("Reviewer #2:\n\nThe statistics are unclear and must be described.")
    assert (article["license"], article["author_response_raw"]) == ("CC BY 4.0", "We added a control ledge.")
    assert done.manifest["left_out"] == {
        "files beside the folders of papers": 1,
        "files that are neither paper, review, response nor licence": 1,
    }
    assert len(done.manifest["source"]["files"]) == 15
    assert done.lint_errors() == []


def test_one_paper_and_a_name_for_its_venue(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    root = tree({"paper.txt": "Terns of a ledge\n\nAbstract\n\nWe count.\n\nMethods\n\nWe look.", "review.txt": "Why?"})
    done = imported("folder", root, "--source", "my-journal")
    assert list(done.articles) == ["my-journal:data-set"]
    assert "is no slug" in imported("folder", root, "--source", "My Journal").err
    assert "elife is a preset" in imported("folder", root, "--source", "elife").err


def test_jats_brings_its_own_letters(imported: Callable[..., Any], tree: Callable[..., Path], shared: Path) -> None:
    source = sorted((shared / "data").rglob("elife*.xml"))
    if not source:
        pytest.skip("no JATS in ../shared")
    done = imported("folder", tree({"a/paper.xml": source[0].read_text("utf-8")}), "--split-reviews")
    assert done.code == 0, done.err
    (article,) = done.articles.values()
    assert len(article["concerns"]) > 3
    assert "creativecommons.org" in article["license"]
    assert done.lint_errors() == []


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a/review.txt": "x"}, "one file must be called paper.*"),
        ({"a/paper.md": "# A", "a/paper.txt": "A"}, "there is paper.md, paper.txt"),
        (
            {"a/paper.txt": markdown("x", "y"), "a/review.pdf": "x"},
            "a review, response or licence is a .txt or .md file",
        ),
        ({"a/paper.txt": ""}, "is empty"),
        ({"a/paper.txt": markdown("x", "y"), "a/review.txt": "a\0b"}, "null characters"),
        (
            {"a/paper.txt": markdown("x", "y")} | {f"a/review{number}.txt": "x" for number in range(51)},
            "51 reviews; at most 50",
        ),
        ({"a/paper.xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><article>&x;</article>'}, "entit"),
    ],
)
def test_folders_that_cannot_be_read_are_problems(
    imported: Callable[..., Any], tree: Callable[..., Path], files: dict[str, str], says: str
) -> None:
    done = imported("folder", tree(files))
    assert done.code == 2
    assert says in done.err


def test_from_somebody_elses_files_to_a_score(
    imported: Callable[..., Any], tree: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import load_dataset

    done = imported("folder", tree(FILES, "birds"), "--split-reviews")
    assert (done.code, done.manifest["concerns"]) == (0, 13)
    split, out, predictions = tmp_path / "split", tmp_path / "release", tmp_path / "predictions.jsonl"

    def bench(*command: object) -> None:
        assert run([str(part) for part in command]) == 0, capsys.readouterr()

    bench("data", "lint", done.folder)
    bench("data", "split", done.folder, "-o", split, "--test", "birds=3", "--val", "0.2")
    bench("audit", split, "--strict")
    bench("data", "export", split, "-o", out, "--name", "Birds")
    rows = load_dataset(
        "parquet", data_files={"test": str(out / "data/default/test*.parquet")}, cache_dir=tmp_path / "c"
    )
    assert sum(len(row["concerns"]) for row in rows["test"]) >= 6
    assert {row["source"] for row in rows["test"]} == {"birds"}
    found = [
        {"article_id": row["id"], "concerns": [{"text": row["concerns"][0]["concern_text"]}]} for row in rows["test"]
    ]
    predictions.write_text("".join(json.dumps(row) + "\n" for row in found))
    capsys.readouterr()
    bench("evaluate", predictions, "--data", out / "data/default", "--contract", "jaccard", "--quiet", "--draws", "0")
    assert "local/test, 3 articles" in capsys.readouterr().out
