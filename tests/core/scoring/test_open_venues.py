"""Data of any venue, with labels or without: scored, sliced only where there are labels; no references, no score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import score
from bioreview_bench.cli.main import run
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import DataError
from bioreview_bench.report.html import compose

CONTROL = "The experiment has no untreated control group."
SAMPLE = "A sample of four mice is too small for this claim."
WORDING = "The abstract uses several terms that nobody defines."
SAID = {"zoo:1": [CONTROL, SAMPLE], "arxiv:2": [WORDING, "Nothing in common."], "elife:3": []}


def _bare(*texts: str) -> list[dict[str, Any]]:
    return [{"concern_text": text, "category": None, "severity": None} for text in texts]


@pytest.fixture
def articles(make_article: Callable[..., Any]) -> list[Any]:
    """Three venues: one without labels, one with a label on one of its concerns, one a preset without concerns."""
    sentences = "We counted the cells of every culture by hand and by machine. " * 3
    labelled = {"concern_text": WORDING, "category": "writing_clarity", "severity": "minor"}
    return [
        make_article("zoo:1", _bare(CONTROL, SAMPLE), abstract=sentences),
        make_article("arxiv:2", [labelled, *_bare(SAMPLE)], abstract=sentences),
        make_article("elife:3", [], abstract=sentences),
    ]


def test_unlabelled_references_count_in_the_whole_and_in_no_slice(articles: list[Any]) -> None:
    record = score(articles, SAID, Contract.load("jaccard"), draws=50).record
    assert (record.overall.n_ref, record.overall.n_pred, record.overall.n_matched) == (4, 4, 3)
    assert {name: (row.n_ref, row.n_matched) for name, row in record.per_category.items()} == {
        "writing_clarity": (1, 1)
    }
    assert {name: (row.n_ref, row.n_matched) for name, row in record.per_severity.items()} == {"minor": (1, 1)}
    # The unmatched prediction on arxiv:2 is near no reference, and counts under the first one, which is labelled.
    assert record.overall.f1_macro == pytest.approx(2 / 3)


def test_sources_are_presets_first_and_then_by_name(articles: list[Any]) -> None:
    record = score(articles, SAID, Contract.load("jaccard"), draws=50).record
    assert list(record.per_source) == ["elife", "arxiv", "zoo"]
    assert (record.per_source["zoo"].n_matched, record.per_source["zoo"].f1_macro) == (2, None)
    assert {path for path in record.intervals if path.startswith("per_source.zoo.")} == {
        f"per_source.zoo.{metric}" for metric in ("recall", "precision", "f1")
    }


def test_without_any_label_macro_f1_is_null_and_labels_never_agree(make_article: Callable[..., Any]) -> None:
    said = {"zoo:1": [{"text": CONTROL, "category": "design_flaw", "severity": "major"}]}
    result = score([make_article("zoo:1", _bare(CONTROL))], said, Contract.load("jaccard"), draws=0)
    record = result.record
    assert (record.overall.f1, record.overall.f1_macro) == (1.0, None)
    assert (record.per_category, record.per_severity) == ({}, {})
    assert (record.label_agreement.category.n_pairs, record.label_agreement.severity.n_pairs) == (0, 0)
    assert type(result.counts).from_rows(result.counts.to_rows()).to_rows() == result.counts.to_rows()
    assert "Zoo" in compose(result, None, None).html or "zoo" in compose(result, None, None).html


def test_a_label_that_is_missing_enters_the_fingerprint_as_null(make_article: Callable[..., Any]) -> None:
    from bioreview_bench.data.split import fingerprint

    bare, labelled = _bare(CONTROL), [{"concern_text": CONTROL, "category": "other", "severity": "minor"}]
    prints = {fingerprint([make_article("zoo:1", concerns)]) for concerns in (bare, labelled, [])}
    assert len(prints) == 3


def _folder(tmp_path: Path, *rows: dict[str, Any]) -> str:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


PAPER = {
    "id": "zoo:1",
    "source": "zoo",
    "title": "A paper",
    "abstract": "We counted the cells of many cultures by hand and by machine. " * 20,
}


def test_articles_without_concerns_are_reviewed_but_not_scored(tmp_path: Path, capsys: Any) -> None:
    data = _folder(tmp_path, PAPER, {**PAPER, "id": "zoo:2", "concerns": None})
    out = str(tmp_path / "run")
    assert run(["baseline", "generic", "--data", data, "--split", "test", "--out", out]) == 0
    assert len(Path(out, "predictions.jsonl").read_text().splitlines()) == 2
    assert run(["data", "info", "--data", data]) == 0
    capsys.readouterr()
    assert run(["evaluate", out, "--data", data, "--split", "test", "--contract", "jaccard"]) == 4
    said = capsys.readouterr().err
    assert "2 of 2 articles have no `concerns`, so there are no references: zoo:1, zoo:2" in said
    assert "Next: add the concerns" in said


def test_every_command_that_needs_references_says_which_are_missing(tmp_path: Path, make_article: Any) -> None:
    from bioreview_bench import Article

    articles = [make_article("zoo:1", _bare(CONTROL)), Article.model_validate({**PAPER, "id": "zoo:2"})]
    with pytest.raises(DataError, match=r"1 of 2 articles have no `concerns`.*: zoo:2"):
        score(articles, {"zoo:1": []}, Contract.load("jaccard"), draws=0)


@pytest.mark.parametrize(
    "arguments", [["controls", "--contract", "demo"], ["calibrate", "--encoder", "all-MiniLM-L6-v2", "--explore"]]
)
def test_commands_without_predictions_refuse_articles_without_concerns(
    tmp_path: Path, capsys: Any, minilm: None, arguments: list[str]
) -> None:
    data = _folder(tmp_path, PAPER)
    assert run([*arguments, "--data", data, "--split", "test"]) == 4
    assert "have no `concerns`" in capsys.readouterr().err
