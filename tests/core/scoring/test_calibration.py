"""Calibration reproduces the specification's table and refuses to tune on test articles."""

import json
from pathlib import Path

import numpy as np
import pytest

from bioreview_bench import Contract
from bioreview_bench.cli.main import run
from bioreview_bench.scoring.calibration import _from_here_on

# Section 4 of the scoring specification: threshold, paraphrase recall, echo, generic, other, careful reader.
_TABLE = {
    "none": (0.73, 0.081, 0.047, 0.000, 0.000, 0.036),
    "center": (0.67, 0.112, 0.047, 0.000, 0.000, 0.036),
    "topic-1": (0.50, 0.319, 0.043, 0.016, 0.000, 0.066),
    "topic-3": (0.45, 0.400, 0.043, 0.020, 0.000, 0.081),
    "topic-5": (0.42, 0.427, 0.043, 0.031, 0.000, 0.061),
    "topic-10": (0.39, 0.458, 0.028, 0.043, 0.005, 0.112),
    "topic-20": (0.36, 0.515, 0.039, 0.047, 0.010, 0.112),
}


def test_the_pilot_gives_the_table_of_the_specification(
    shared: Path, minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = shared / "data" / "elife_pilot"
    command = ["calibrate", "--data", str(pilot), "--split", "all", "--contract", "demo", "--explore", "--quiet"]
    command += ["--paraphrases", str(pilot / "predictions" / "paraphrase.jsonl"), "--format", "json"]
    command += ["--also", str(pilot / "predictions" / "close_reader.jsonl")]
    for name in _TABLE:
        command += ["--transform", name]
    assert run(command) == 0
    curves = json.loads(capsys.readouterr().out)
    assert [curve["transform"] for curve in curves] == list(_TABLE)
    for curve in curves:
        at = curve["thresholds"].index(curve["threshold"])
        found = [curve["recall"]["paraphrases"][at]]
        found += [curve["match_rate"][name][at] for name in ("echo", "generic", "other", "close_reader")]
        assert curve["threshold"] == _TABLE[curve["transform"]][0]
        assert found == pytest.approx(_TABLE[curve["transform"]][1:], abs=0.005)


def test_the_operating_point_is_where_the_limit_is_kept_for_good() -> None:
    assert _from_here_on(np.array([False, True, False, True, True])) == 3
    assert _from_here_on(np.array([True, True])) == 0
    assert _from_here_on(np.array([True, False])) is None


@pytest.mark.parametrize("split", ["test", "all"])
def test_a_contract_is_never_tuned_on_test_articles(
    split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "c.toml"
    assert run(["calibrate", "--data", "demo", "--split", split, "--contract", "demo", "-o", str(output)]) == 2
    assert "--explore" in capsys.readouterr().err
    assert not output.exists()


def test_few_echo_slots_need_small_and_the_written_contract_is_usable(
    minilm: None, warm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.toml"
    command = ["calibrate", "--data", "demo", "--split", "train", "--contract", "demo", "--transform", "center"]
    assert run([*command, "-o", str(output), "--quiet"]) == 2
    assert "allows echo" in capsys.readouterr().err
    assert not output.exists()
    chart = tmp_path / "curves.svg"
    assert run([*command, "-o", str(output), "--small", "--quiet", "--chart", str(chart)]) == 0
    assert chart.read_text().startswith("<svg")
    contract = Contract.load(output)
    assert contract.name == "mine"
    assert contract.transform == "center"
    assert contract.calibrated_on is not None
    assert contract.calibrated_on.startswith("demo/train#")
    capsys.readouterr()
    evaluate = ["evaluate", "demo:careful", "--data", "demo", "--contract", str(output), "--quiet", "--format", "json"]
    assert run([*evaluate, "--draws", "0"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert "|tf:center#" in record["signature"]
    assert record["contract"]["name"] == "mine"


def test_a_foreign_encoder_in_its_file_layout_is_calibrated_too(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["calibrate", "--data", "demo", "--split", "val", "--contract", "v3", "--encoder-path", str(tiny_bert)]
    assert run([*command, "--transform", "none", "--transform", "topic-5", "--explore", "--quiet"]) == 0
    shown = capsys.readouterr().out
    # Random weights match everything, so no threshold keeps the limit under plain cosine.
    assert "Curve of none" in shown
    assert "Curve of topic-5" in shown


def test_demo_topic_is_the_pilots_train_split_at_its_operating_point(
    shared: Path, minilm: None, warm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot, output = shared / "data" / "elife_pilot", tmp_path / "demo-topic.toml"
    command = ["calibrate", "--data", str(pilot), "--split", "train", "--contract", "demo", "--transform", "topic-20"]
    assert run([*command, "--small", "--quiet", "-o", str(output)]) == 0
    assert Contract.load(output) == Contract.load("demo-topic")
