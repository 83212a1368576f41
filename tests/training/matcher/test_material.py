"""What a matcher learns from: who makes which point, and what it must never see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.folder import read_split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.matcher.papers import TaughtPaper, Text, read_material, split_folds

PAPER = {
    "paper": "p1",
    "sentences": ["We measured many cells in three dishes and found that they divide."],
    "concerns": [
        {
            "reference": "The number of cells is never given.",
            "restated": ["Please say how many cells were measured."],
            "hurried": ["how many cells?"],
            "near_miss": ["The kind of cells is never given."],
            "other_place": ["The number of dishes is small."],
            "stock": ["More detail is needed."],
        },
        {"reference": "The dishes need a control.", "restated": ["Where is a dish without treatment?"]},
    ],
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    articles = [
        {
            "id": f"elife:{number}",
            "source": "elife",
            "abstract": "A sentence that is long enough to be taken for a sentence.",
            "concerns": [
                {
                    "concern_id": f"elife:{number}:R1C{place}",
                    "concern_text": f"Point {place} of {number}",
                    "category": "figure_issue" if place == 3 else "other",
                    "severity": "major",
                }
                for place in (1, 2, 3)
            ],
        }
        for number in (1, 2, 3)
    ]
    write(folder / "articles.jsonl", *articles)
    splits = {"train": ["elife:1"], "val": ["elife:2"], "test": ["elife:3"]}
    (folder / "splits.json").write_text(json.dumps(splits))
    return folder


def judged(number: int, text: str, first: dict[str, str], second: dict[str, str]) -> dict[str, Any]:
    return {"article_id": f"elife:{number}", "text": text, "labels": {"a": first, "b": second}}


def test_what_is_written_from_a_point_makes_it_or_comes_close_to_it(tmp_path: Path) -> None:
    (paper,) = read_material([write(tmp_path / "c.jsonl", PAPER)], [], []).papers
    found = {text.text: (text.kind, set(text.same), set(text.related)) for text in paper.texts}
    one, two = {"p1:C1"}, {"p1:C2"}
    assert found == {
        "The number of cells is never given.": ("reference", one, set()),
        "The dishes need a control.": ("reference", two, set()),
        "Please say how many cells were measured.": ("restated", one, set()),
        "how many cells?": ("hurried", one, set()),
        "The kind of cells is never given.": ("near_miss", set(), one),
        "The number of dishes is small.": ("other_place", set(), set()),
        "More detail is needed.": ("stock", set(), set()),
        "Where is a dish without treatment?": ("restated", two, set()),
        "We measured many cells in three dishes and found that they divide.": ("sentence", set(), set()),
    }


def test_both_raters_must_say_same_and_figure_points_do_not_count(tmp_path: Path, data: Path) -> None:
    file = write(
        tmp_path / "j.jsonl",
        judged(1, "both", {"elife:1:R1C1": "same"}, {"elife:1:R1C1": "same"}),
        judged(1, "one of them", {"elife:1:R1C1": "same"}, {"elife:1:R1C1": "related"}),
        judged(1, "a figure", {"elife:1:R1C3": "same"}, {"elife:1:R1C3": "same"}),
    )
    (paper,) = read_material([file], read_split(data, "all"), []).papers
    found = {text.text: (set(text.same), set(text.related)) for text in paper.texts if text.kind == "own_words"}
    assert found == {
        "both": ({"elife:1:R1C1"}, set()),
        "one of them": (set(), {"elife:1:R1C1"}),
        "a figure": (set(), set()),
    }
    assert paper.n_judged == 1


def test_raters_come_before_what_a_text_was_meant_to_be(tmp_path: Path, data: Path) -> None:
    meant = {"article_id": "elife:1", "concern_id": "elife:1:R1C1", "near_miss": ["the text"]}
    files = [
        write(tmp_path / "c.jsonl", meant),
        write(tmp_path / "j.jsonl", judged(1, "the text", {"elife:1:R1C2": "same"}, {"elife:1:R1C2": "same"})),
    ]
    (paper,) = read_material(files, read_split(data, "all"), []).papers
    (text,) = [text for text in paper.texts if text.text == "the text"]
    assert (text.same, text.related) == ({"elife:1:R1C2"}, frozenset())


def test_texts_for_training_alone_are_learnt_from_and_not_audited(tmp_path: Path, data: Path) -> None:
    same = {"elife:1:R1C1": "same"}
    audited = write(tmp_path / "j.jsonl", judged(1, "by raters", same, same))
    practice = write(tmp_path / "p.jsonl", {"article_id": "elife:1", "text": "for practice", "labels": {"w": same}})
    material = read_material([audited], read_split(data, "all"), [], [practice])
    (paper,) = material.papers
    assert {text.text: set(text.same) for text in paper.texts if text.kind == "own_words"} == {
        "by raters": {"elife:1:R1C1"},
        "for practice": {"elife:1:R1C1"},
    }
    assert paper.n_judged == 1  # which decides folds
    assert material.judgements is not None
    assert [text.text for text in material.judgements.texts] == ["by raters"]
    assert material.unaudited is not None
    assert [file.name for file in material.unaudited.files] == ["p.jsonl"]


def test_texts_of_which_raters_saw_some_references_only_are_not_trained_on(tmp_path: Path, data: Path) -> None:
    rows = write(tmp_path / "j.jsonl", {**judged(1, "No control.", {}, {}), "judged": ["elife:1:R1C1"]})
    with pytest.raises(InputError, match="1 judged texts the raters saw some references only"):
        read_material([rows], read_split(data, "all"), [])


def test_a_corpus_is_not_for_training_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"c\.jsonl has no judged pairs"):
        read_material([], [], [], [write(tmp_path / "c.jsonl", PAPER)])


@pytest.mark.parametrize("kind", ["corpus", "judged", "train only"])
def test_texts_about_the_test_split_are_refused(tmp_path: Path, data: Path, kind: str) -> None:
    rows = {
        "corpus": {"article_id": "elife:3", "concern_id": "elife:3:R1C1", "restated": ["x"]},
        "judged": judged(3, "x", {}, {}),
        "train only": judged(3, "x", {}, {}),
    }
    articles = read_split(data, "all")
    files = [write(tmp_path / "f.jsonl", rows[kind])]
    corpus, train_only = ([], files) if kind == "train only" else (files, [])
    with pytest.raises(DataError, match=r"elife:3, which is in the test split") as caught:
        read_material(corpus, articles, read_split(data, "test"), train_only)
    assert caught.value.exit_code == 4


def test_every_judged_paper_is_held_out_once_and_folds_are_alike() -> None:
    papers = [TaughtPaper(f"p{number}", (Text("x", "reference"),), number, True) for number in range(8)]
    papers.append(TaughtPaper("invented", (Text("x", "reference"),), 99, False))
    folds = split_folds(papers, 3)
    assert sorted(name for fold in folds for name in fold) == [
        f"p{number}" for number in range(1, 8)
    ]  # p0 has nothing judged
    assert [len(fold) for fold in folds] == [3, 2, 2] or sorted(map(len, folds)) == [2, 2, 3]
    sums = [sum(int(name[1:]) for name in fold) for fold in folds]
    assert max(sums) - min(sums) <= 2
    with pytest.raises(InputError, match="9 folds of 7 papers"):
        split_folds(papers, 9)
