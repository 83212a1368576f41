"""Ensembles: which concern speaks for a cluster, and what becomes of missing and failed rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.baselines.cli.ensemble import ensemble as command
from bioreview_bench.baselines.derived import ensemble
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.errors import InputError


def by_first_letter(texts: list[str]) -> np.ndarray:
    """Texts say the same when they begin with the same letter."""
    return np.array([[float(one[0] == two[0]) for two in texts] for one in texts]).reshape(len(texts), len(texts))


def merged(*systems: Any, strategy: str = "union") -> ensemble.MergedArticle:
    rows = [None if system is None else {"article_id": "elife:1", **system} for system in systems]
    return ensemble.merge_rows(
        "elife:1",
        rows,
        by_first_letter,
        needed=ensemble.votes_needed(strategy, len(rows)),
        linkage="complete",
        threshold=0.98,
    )


def said(*concerns: Any, **more: Any) -> dict[str, Any]:
    return {"concerns": list(concerns), **more}


def texts(result: ensemble.MergedArticle) -> list[str]:
    return [concern["text"] for concern in result.row["concerns"]]


def bench(*arguments: object) -> None:
    command.main([str(argument) for argument in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [
        ("union", ["a of one", "b of one", "c of two", "d of three"]),
        ("vote:1", ["a of one", "b of one", "c of two", "d of three"]),
        ("vote:2", ["a of one", "c of two"]),
        ("intersection", ["a of one"]),
        ("vote:3", ["a of one"]),
    ],
)
def test_strategies_count_systems_not_concerns(strategy: str, kept: list[str]) -> None:
    one = said("a of one", "b of one", "b too")
    result = merged(one, said("c of two", "a two"), said("a", "c three", "d of three", "d"), strategy=strategy)
    assert texts(result) == kept
    assert (result.n_clusters, result.n_shared) == (4, 2)
    assert [concern["support"] for concern in result.row["concerns"]] == [3, 1, 2, 1] if len(kept) == 4 else True


def test_the_first_system_speaks_for_a_cluster_else_the_longest_text() -> None:
    one = said("a", "a long")
    two = said("a much longer text", "b short")
    three = said("b the longest of them")
    assert texts(merged(one, two, three)) == ["a long", "b the longest of them"]
    assert texts(merged(said("a1", "a2"), said("a3"))) == ["a1"]


def test_a_concern_keeps_its_form_and_labels() -> None:
    concern = {"concern_text": "a text", "category": "other", "confidence": 0.5, "note": 1}
    result = merged(said(concern), said("a"))
    assert result.row == {"article_id": "elife:1", "concerns": [{**concern, "support": 2}], "status": "ok"}


def test_failed_missing_and_empty_rows() -> None:
    refused, failed = said(status="refused"), {"concerns": None, "status": "parse_failed"}
    assert merged(refused, said("a")).row["status"] == "ok"
    assert merged(failed, None, refused).row == {"article_id": "elife:1", "concerns": [], "status": "parse_failed"}
    assert merged(refused, said(status="empty")).row["status"] == "empty"
    assert merged(said(" "), refused).row["status"] == "empty"
    # Both answered, but nothing was said by both.
    assert merged(said("a"), said("b"), strategy="intersection").row["status"] == "empty"
    assert merged(said("a"), None, strategy="intersection").row["concerns"] == []


@pytest.mark.parametrize(
    "strategy", ["vote", "vote:", "vote:0", "vote:3", "vote:x", "vote:-1", "vote:²", "all", "union:2"]
)
def test_an_unknown_strategy_is_refused(strategy: str) -> None:
    with pytest.raises(InputError, match="vote:N with N from 1 to 2"):
        ensemble.votes_needed(strategy, 2)


def test_the_command_merges_all_articles_and_prints_the_overlap(
    minilm: None, warm: object, write_jsonl: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_jsonl(
        [
            {"article_id": "elife:1", "concerns": ["The sample size is too small.", "Cite more recent literature."]},
            {"article_id": "elife:2", "concerns": [], "status": "refused"},
        ],
        "a/predictions.jsonl",
    )
    b = write_jsonl(
        [
            {"article_id": "elife:3", "concerns": ["No control was made."], "status": "ok"},
            {"article_id": "elife:1", "concerns": ["The sample size is far too small."]},
        ],
        "b/predictions.jsonl",
    )
    (b.parent / "run.json").write_text('{"schema_version": 1, "reviewer": {}, "name": "b", "postprocessing": "cap20"}')
    out = tmp_path / "ab" / "predictions.jsonl"
    settings = ("--threshold", 0.9, "--contract", "demo", "--quiet")
    bench(a, b, "-o", out, *settings)
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {
            "article_id": "elife:1",
            "concerns": [
                {"text": "The sample size is too small.", "support": 2},
                {"text": "Cite more recent literature.", "support": 1},
            ],
            "status": "ok",
        },
        {"article_id": "elife:2", "concerns": [], "status": "refused"},
        {"article_id": "elife:3", "concerns": [{"text": "No control was made.", "support": 1}], "status": "ok"},
    ]
    assert "overlap 0.333: 1 of 3 clusters" in capsys.readouterr().out
    manifest = json.loads((out.parent / "run.json").read_text())
    assert manifest["postprocessing"] == "ensemble-union-complete:0.9:demo"
    assert [system["sha256"] for system in manifest["derived_from"]] == [read_predictions(p).sha256 for p in (a, b)]
    assert [system["postprocessing"] for system in manifest["derived_from"]] == [None, "cap20"]
    assert manifest["clusters"] == {"n": 3, "shared": 1}
    assert str(tmp_path) not in json.dumps(manifest)
    both = tmp_path / "both" / "predictions.jsonl"
    bench(a, b, "-o", both, "--strategy", "intersection", *settings)
    assert [len(row.concerns) for row in read_predictions(both).values()] == [1, 0, 0]


def test_mistakes_are_refused_before_anything_is_written(write_jsonl: Callable[..., Path], tmp_path: Path) -> None:
    row = {"article_id": "elife:1", "concerns": ["A concern."]}
    a, b = write_jsonl([row], "a/predictions.jsonl"), write_jsonl([row], "b/predictions.jsonl")
    bad = write_jsonl(["{", "{"], "bad/predictions.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    with pytest.raises(InputError, match="two systems"):
        bench(a, "-o", out)
    with pytest.raises(InputError, match="twice"):
        bench(a, tmp_path / "b" / ".." / "a" / "predictions.jsonl", "-o", out)
    with pytest.raises(InputError, match="is an input"):
        bench(a, b, "-o", b)
    with pytest.raises(InputError, match="vote:N"):
        bench(a, b, "-o", out, "--strategy", "vote:3")
    with pytest.raises(InputError, match="no encoder"):
        bench(a, b, "-o", out, "--contract", "jaccard")
    with pytest.raises(InputError) as caught:
        bench(a, bad, "-o", out)
    assert len(caught.value.problems) == 2
    assert not list(out.parent.glob("*"))
