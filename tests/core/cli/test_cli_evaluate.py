"""`bench evaluate` end to end: reports, files, limits, the official path with unverified weights."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bioreview_bench import load_result
from bioreview_bench.cli.main import run

_DEMO = ["evaluate", "demo:careful", "--data", "demo", "--contract", "demo", "--draws", "200"]


def test_without_output_nothing_is_written(
    minilm: None, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*_DEMO, "--quiet", "--full"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == []
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "null: predictions for other articles" in shown.out


def test_output_is_loaded_back_and_a_second_run_agrees(
    minilm: None, warm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.result.json", tmp_path / "b.result.json"
    assert run([*_DEMO, "-o", str(first), "--system-name", "Careful", "--system-version", "2"]) == 0
    assert run([*_DEMO, "-o", str(second), "--postprocessing", "dedup"]) == 0
    assert (tmp_path / "a.pairs.parquet").is_file()
    a, b = load_result(first), load_result(second)
    assert a.signature == b.signature
    assert a.to_dict()["overall"] == b.to_dict()["overall"]
    assert a.to_dict()["intervals"] == b.to_dict()["intervals"]
    assert a.to_dict()["system"] == {"name": "Careful", "version": "2", "postprocessing": "none"}
    assert "post-processing dedup" in capsys.readouterr().out


def test_json_on_stdout_is_the_result(minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*_DEMO, "--format", "json", "--controls", "basic"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["controls"]["echo_f1"] is None
    assert record["controls"]["generic_f1"] is None
    assert record["controls"]["null_f1"] is not None
    assert record["overall"]["n_ref"] == 64


def test_a_limit_scores_the_first_articles_and_shows_in_the_signature(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*_DEMO, "--format", "json", "--limit", "3"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["coverage"]["n_articles"] == 3
    assert record["signature"].split("|")[2].endswith("[:3]")


def test_fail_under_exits_2_and_names_the_metric(minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*_DEMO, "--fail-under", "f1=0.01"]) == 0
    assert run([*_DEMO, "--fail-under", "f1=0.01", "--fail-under", "per_category.other.recall=0.99"]) == 2
    assert "per_category.other.recall" in capsys.readouterr().err


def test_the_official_path_with_a_tiny_encoder_is_unverified_and_saturated(
    tiny_bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "demo:careful", "--data", "demo", "--contract", "v3", "--quiet"]
    assert run([*command, "--encoder-path", str(tiny_bert), "--full"]) == 0
    shown = capsys.readouterr().out
    assert "v3+unverified-encoder" in shown
    assert "enc:allenai/specter2_base@-+" in shown
    assert "SATURATED" in shown


def test_another_folder_makes_another_contract(tiny_bert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "demo:careful", "--data", "demo", "--encoder", str(tiny_bert), "--quiet", "--format", "json"]
    assert run(command) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["contract"]["name"] == "custom"
    assert "|enc:local:specter2_base@-+" in record["signature"]


def test_the_readme_promises_what_the_report_shows(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*_DEMO, "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    for figure in ("F1", "recall", "precision", "skill", "null", "echo", "generic", "ceiling"):
        assert f"| {figure}" in shown


def test_postprocessing_is_taken_from_the_run_manifest_beside_the_predictions(
    tmp_path: Path, write_jsonl: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"article_id": "elife:900301", "concerns": ["The wind tunnel was not described."]}
    path = write_jsonl([row], "predictions.jsonl")
    other = write_jsonl([{**row, "concerns": ["Something else."]}], "other.jsonl")
    described = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    command = ["evaluate", str(path), "--data", "demo", "--contract", "jaccard", "--draws", "0", "--format", "json"]

    def said(*more: str) -> str:
        assert run([*command, *more]) == 0
        return str(json.loads(capsys.readouterr().out)["system"]["postprocessing"])

    assert said() == "none"
    manifest = {"schema_version": 1, "reviewer": {}, "name": "bm25", "postprocessing": "dedup-exact+cap20"}
    (tmp_path / "run.json").write_text(json.dumps({**manifest, "predictions": described}))
    assert said() == "dedup-exact+cap20"
    # The name of the system comes from the same place.
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["system"]["name"] == "bm25"
    assert said("--postprocessing", "by hand") == "by hand"
    # For another file in the folder it says nothing, and one line says so.
    assert run([*command[:1], str(other), *command[2:]]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["system"] == {"name": "other", "version": None, "postprocessing": "none"}
    assert shown.err == f"{tmp_path / 'run.json'} is ignored: it describes predictions.jsonl, not other.jsonl.\n"
