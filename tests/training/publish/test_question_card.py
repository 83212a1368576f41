"""The card of a model that answers questions: its own text, its evaluation, and no claim to review."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bioreview_bench.training.models.summary import write_summary
from bioreview_bench.training.publish import question_card

from .test_card_and_push import SUMMARY

QA = {
    **SUMMARY,
    "prompt": {"id": "qa", "sha256": "b" * 64},
    "budget": 0,
    "counter": {"name": "none"},
    "corpus": {"fingerprint": "c0ffee123456", "data": {"label": "questions", "held_out": ["eye", "thymus"]}},
}
WHO = ["--organisation", "My lab", "--contact", "me@example.org"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    write_summary(folder, QA)
    return folder


def test_the_command_writes_what_was_evaluated_and_no_card_of_a_reviewer(
    bench: Callable[..., Any], run: Path, shared: Path, tmp_path: Path
) -> None:
    kmp = shared / "data" / "kmp"
    words = ["--trained-on", kmp / "kmp_sft_final.json", "--format", "json"]
    printed = bench("train", "evaluate-qa", kmp / "comparison_results.json", *words).out
    (tmp_path / "answers.json").write_text(printed)
    done = bench("train", "card", run, *WHO, "--evaluation", tmp_path / "answers.json")
    assert done.code == 0, done.err
    assert not (run / "card.yaml").exists()
    _, front, body = (run / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "mit"
    assert "peer-review" not in yaml.safe_load(front)["tags"]
    system = json.loads(printed)["systems"][0]
    assert f"| {system['system']} | {system['n']} | - |" in body  # judged answers have no reward
    assert "> 9 of 20 questions are in a training file, kmp\\_sft\\_final.json." in body
    for expected in ("`qa`", "b" * 64, "No question of eye, thymus was trained on.", "| parameters | 8,190,735,360 |"):
        assert expected in body, expected
    assert "reviewers" not in body
    assert "{{" not in body
    assert "{%" not in body


def test_without_an_evaluation_none_is_claimed_and_the_wrong_kind_is_refused(
    bench: Callable[..., Any], run: Path, tmp_path: Path
) -> None:
    done = bench("train", "card", run, *WHO)
    assert "No evaluation was given" in done.out
    assert "Not evaluated when this card was made." in (run / "README.md").read_text()
    assert bench("train", "card", run, *WHO, "--result", tmp_path / "r.json").code == 2
    (tmp_path / "other.json").write_text('{"systems": []}')
    refused = bench("train", "card", run, *WHO, "--evaluation", tmp_path / "other.json")
    assert (refused.code, "names no systems" in refused.err) == (2, True)
    write_summary(run, SUMMARY)
    assert bench("train", "card", run, *WHO, "--evaluation", tmp_path / "other.json").code == 2


def test_the_command_of_a_card_names_what_the_adapter_was_trained_on() -> None:
    start = {"adapters": [{"name": "kmp-sft", "digest": "1"}], "last": "merged"}
    text = question_card.question_card({**QA, "start": start}, None, "x", merged=False)
    assert "evaluate-qa --baseline some-org/some-8b --adapters kmp-sft,FOLDER --questions data/kmp/eval.jsonl" in text
    merged = question_card.question_card(QA, None, "x", merged=True)
    assert "evaluate-qa --baseline FOLDER --questions data/kmp/eval.jsonl" in merged


def test_figures_that_are_not_defined_are_dashes() -> None:
    system = {"system": "a|b", "n": 3, "reward": 0.5, "calibration": {"n": 0, "ece": None}}
    text = question_card.question_card(QA, {"systems": [system]}, "x", merged=True)
    assert "| a\\|b | 3 | 0.500 | - | 0 | - | - | - |" in text
    assert "was not looked for" in text
