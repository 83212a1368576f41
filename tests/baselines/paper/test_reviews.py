"""Which of the human concerns a review found; `review` from Python; adapters asked as they were trained."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import bioreview_bench
from bioreview_bench.baselines.options import RunOptions
from bioreview_bench.baselines.paper.adapter import with_adapter
from bioreview_bench.baselines.paper.reviews import compare, read_reviews
from bioreview_bench.data.papers.read import as_split, read_paper
from bioreview_bench.errors import BenchError, InputError
from bioreview_bench.llm.text.prompt import Prompt

STOCK = "The sample size is too small to support the conclusions and no power calculation is given."
LETTER = f"""Reviewer 1

Major concerns

1. {STOCK}

2. The observer knew which ledge was the control, so the counts should be repeated by somebody who does not.

Minor points

3. The scale bar of Figure 2 is missing and should be added.
"""


def test_concerns_are_read_from_text_and_from_lists(tmp_path: Path) -> None:
    path = tmp_path / "reviews"
    path.write_text(LETTER)
    from_text = read_reviews(path)
    assert [concern.concern_text.startswith(start) for concern, start in zip(
        from_text, ("The sample size", "The observer knew", "The scale bar"), strict=True
    )] == [True] * 3  # fmt: skip
    rows = [{"text": STOCK, "severity": "major", "category": "design_flaw"}, {"concern_text": "No control was used."}]
    for content in (json.dumps(rows), "\n".join(map(json.dumps, rows)), json.dumps({"id": "x", "concerns": rows})):
        path.write_text(content)
        listed = read_reviews(path)
        assert [concern.concern_text for concern in listed] == [STOCK, "No control was used."]
        assert (listed[0].severity, listed[0].category, listed[1].severity) == ("major", "design_flaw", None)


@pytest.mark.parametrize("content", ["", "{}", "[]", '["short"]', '[{"text": 3}]', '{"text": "No control."}\nno json'])
def test_what_is_no_review_is_refused_before_anything_is_sent(tmp_path: Path, content: str) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_reviews(path)
    assert caught.value.remedy


def test_found_concerns_point_to_the_machines_own(paper: Path, tmp_path: Path) -> None:
    article = as_split(read_paper(paper), paper)[0]
    path = tmp_path / "reviews.json"
    path.write_text(json.dumps(["terns ledge boat weather", "forty thirty twenty summer", "nothing of this kind here"]))
    predicted = [{"text": "forty thirty twenty summer"}, "weather boat ledge terns"]
    found = compare(article, read_reviews(path), predicted, "jaccard")
    assert [concern.found_by for concern in found.concerns] == [1, 0, None]
    assert (found.n_found, found.n_predictions, found.contract) == (2, 2, "jaccard")
    assert found.concerns[0].similarity == 1.0
    assert "Of the pairs this contract matches" in found.caveat


def test_the_reader_says_what_its_matches_are_worth(
    bench: Callable[..., Any], paper: Path, tmp_path: Path, minilm: None, warm: Path
) -> None:
    reviews = tmp_path / "reviews.txt"
    reviews.write_text(LETTER)
    done = bench("review", paper, "--with", "generic", "--reviews", reviews)
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert "Found 1 of the 2 concerns of the human reviewers (1 that need the figures are left out)" in said
    assert "ten stock comments 1." in said
    assert "Contract reader. Of the pairs this contract matches" in said
    shown = json.loads(bench("review", paper, "--with", "generic", "--reviews", reviews, "--format", "json").out)
    assert [concern["found_by"] for concern in shown["reviews"]["concerns"]] == [0, None]


def test_reviews_are_not_sent_to_a_judge(bench: Callable[..., Any], paper: Path, tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.txt"
    reviews.write_text(LETTER)
    done = bench("review", paper, "--with", "echo", "--reviews", reviews, "--contract", "judge:openai:gpt-4o-mini")
    assert done.code == 2
    assert not (tmp_path / "runs").exists()


def test_review_from_python(paper: Path, tmp_path: Path) -> None:
    made = bioreview_bench.review(paper, with_="echo", out=tmp_path / "run")
    assert [concern["text"] for concern in made.concerns][1].startswith("Terns of the second colony")
    assert str(made).startswith('echo raises 4 concerns about "Terns on a ledge".')
    assert made.cost_usd is None
    assert "review" in dir(bioreview_bench)
    with pytest.raises(BenchError, match="no reviewer"):
        bioreview_bench.review(paper, with_="ecko")


def test_the_example_of_review_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert doctest.testmod(import_module("bioreview_bench.baselines.paper.review")) == (0, 4)


def test_a_model_under_an_adapter_reviews_as_it_was_trained_to(
    bench: Callable[..., Any], paper: Path, tmp_path: Path, answering_model: Path
) -> None:
    adapter = tmp_path / "runs" / "sft" / "adapter"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(answering_model), "r": 8}))
    options = RunOptions(name=f"adapter:{adapter.parent}")
    plain = with_adapter(options)
    assert (plain.name, plain.adapters, plain.prompt) == (f"hf:{answering_model}", (str(adapter),), None)
    prompt = Prompt.load("strings-v1")
    summary = {
        "base_model": str(answering_model),
        "prompt": {"id": "strings-v1", "sha256": prompt.sha256},
        "counter": {"name": "model"},
        "thinking": False,
        "budget": 900,
    }
    (adapter / "training_summary.json").write_text(json.dumps(summary))
    trained = with_adapter(options)
    assert (trained.prompt, trained.budget, trained.counter) == ("strings-v1", 900, "model")
    assert trained.parameters == {"enable_thinking": False}
    summary["prompt"]["sha256"] = "0" * 64  # type: ignore[index]
    (adapter / "training_summary.json").write_text(json.dumps(summary))
    other = bench("review", paper, "--with", f"adapter:{adapter.parent}", "--dry-run")
    assert other.code == 2
    assert "--prompt FILE" in other.err


def test_a_local_model_is_not_asked_about(bench: Callable[..., Any], paper: Path, answering_model: Path) -> None:
    done = bench("review", paper, "--with", f"hf:{answering_model}", "--prompt", "strings-v1", "--budget", 900)
    assert done.code == 0, done.err
    assert "the model runs here" in done.err
    assert "no control group" in done.out
