"""`bench postprocess` removes what it names, counts it, keeps everything else, and says so in the manifest."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.baselines.cli.postprocess import postprocess as command
from bioreview_bench.baselines.derived import files as derived
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.errors import EncoderError, InputError, WriteError

_RUN = {"schema_version": 1, "name": "run", "reviewer": {}, "postprocessing": "none"}


def bench(*arguments: object) -> None:
    command.main([str(argument) for argument in arguments], standalone_mode=False)


def rows_of(path: Path) -> list[dict[str, Any]]:
    read_predictions(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def manifest_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))
    return found


def test_the_command_keeps_order_keys_and_manifest(
    write_jsonl: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "article_id": "elife:2",
            "status": "repaired",
            "raw_output": "lone \ud800 surrogate",
            "usage": {"input_tokens": 5, "cost_usd": None},
            "concerns": [
                {"text": "Too few mice.", "category": "design_flaw", "confidence": 0.5, "extra": [1]},
                "too few  mice.",
                {"concern_text": "No control.", "severity": "major"},
            ],
        },
        {"article_id": "elife:1", "concerns": None, "status": "error"},
        {"article_id": "elife:3", "concerns": ["The text is truncated."], "status": "ok"},
    ]
    source = write_jsonl(rows, "in/predictions.jsonl")
    (source.parent / "run.json").write_text(json.dumps({**_RUN, "name": "mine", "kept": [1]}))
    out = tmp_path / "out" / "predictions.jsonl"
    bench(source, "-o", out, "--dedup", "exact", "--cap", 20, "--drop-truncation-complaints")
    first, second, third = rows_of(out)
    assert first == {**rows[0], "concerns": [rows[0]["concerns"][0], rows[0]["concerns"][2]]}
    assert second == rows[1]
    assert third == {"article_id": "elife:3", "concerns": [], "status": "empty"}
    shown = capsys.readouterr().out
    assert "2 of 4 concerns kept (drop-truncation+dedup-exact+cap20)" in shown
    assert "1 removed: truncation complaint" in shown
    assert "1 removed: duplicate" in shown
    assert f"Next: bench evaluate {shlex.quote(str(out))}" in shown
    manifest = manifest_of(out)
    assert (manifest["name"], manifest["kept"]) == ("mine", [1])
    assert manifest["postprocessing"] == "drop-truncation+dedup-exact+cap20"
    assert manifest["derived_from"][0]["sha256"] == read_predictions(source).sha256
    assert json.loads((source.parent / "run.json").read_text())["postprocessing"] == "none"

    again = tmp_path / "again" / "predictions.jsonl"
    bench(out, "-o", again, "--cap", 1)
    assert manifest_of(again)["postprocessing"] == "drop-truncation+dedup-exact+cap20+cap1"
    assert len(manifest_of(again)["derived_from"]) == 2
    bench(out, "-o", again, "--cap", 2)  # the same place may be written again


def test_predictions_without_a_manifest_get_a_small_one(write_jsonl: Callable[..., Path], tmp_path: Path) -> None:
    source = write_jsonl([{"article_id": "elife:1", "concerns": ["A concern."]}], "in/mine.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    bench(source, "-o", out, "--cap", 20)
    manifest = manifest_of(out)
    assert (manifest["name"], manifest["postprocessing"], manifest["schema_version"]) == ("mine", "cap20", 1)
    assert str(tmp_path) not in json.dumps(manifest)


def test_semantic_uses_the_contract_s_encoder(
    minilm: None, warm: object, write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    concerns = ["The sample size is too small.", "The sample size is far too small.", "Cite more recent literature."]
    source = write_jsonl([{"article_id": "elife:1", "concerns": concerns}], "in/predictions.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    bench(source, "-o", out, "--dedup", "semantic:0.9", "--contract", "demo", "--quiet")
    assert rows_of(out)[0]["concerns"] == [concerns[0], concerns[2]]
    assert manifest_of(out)["postprocessing"] == "dedup-semantic:0.9:demo"
    assert manifest_of(out)["derived_from"][0]["encoder"].startswith("all-MiniLM-L6-v2@")


def test_every_problem_of_the_input_is_listed_and_nothing_is_written(
    write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    source = write_jsonl(["{", {"article_id": "elife:1", "concerns": [5]}], "in/predictions.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    with pytest.raises(InputError) as caught:
        bench(source, "-o", out, "--cap", 20)
    assert [problem.line for problem in caught.value.problems] == [1, 2]
    assert not list(out.parent.glob("*"))


def test_neither_the_input_nor_another_run_is_overwritten(write_jsonl: Callable[..., Path], tmp_path: Path) -> None:
    row = {"article_id": "elife:1", "concerns": ["A concern."]}
    source = write_jsonl([row], "in/predictions.jsonl")
    run = write_jsonl([row], "run/predictions.jsonl")
    (run.parent / "run.json").write_text('{"name": "paid for"}')
    lone = write_jsonl([row], "lone/predictions.jsonl")
    for out in (source, tmp_path / "in" / ".." / "in" / "predictions.jsonl", tmp_path / "in" / "b.jsonl", run, lone):
        before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
        with pytest.raises(InputError, match=r"Next: -o "):
            bench(source, "-o", out, "--cap", 1)
        assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == before


def test_other_failures_have_their_own_codes(write_jsonl: Callable[..., Path], tmp_path: Path) -> None:
    source = write_jsonl([{"article_id": "elife:1", "concerns": ["A concern."]}], "in/predictions.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    with pytest.raises(InputError, match="no encoder"):
        bench(source, "-o", out, "--dedup", "semantic", "--contract", "jaccard")
    with pytest.raises(EncoderError):
        bench(source, "-o", out, "--dedup", "semantic", "--contract", "demo", "--encoder-path", tmp_path / "absent")
    with pytest.raises(WriteError):
        bench(source, "-o", source / "below" / "predictions.jsonl", "--cap", 1)
    assert not list(out.parent.glob("*"))


@pytest.mark.parametrize("manifest", ["[]", "{", '{"project": "of a tracker", "name": "lively-dust-7"}'])
def test_a_damaged_or_foreign_manifest_beside_the_input_is_ignored_and_named(
    write_jsonl: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: str
) -> None:
    source = write_jsonl([{"article_id": "elife:1", "concerns": ["A concern."]}], "in/predictions.jsonl")
    (source.parent / "run.json").write_text(manifest)
    out = tmp_path / "out" / "predictions.jsonl"
    bench(source, "-o", out, "--cap", 1)
    said = capsys.readouterr().err
    assert said.startswith(f"{source.parent / 'run.json'} is ignored: ")
    assert said.count("\n") == 1
    assert manifest_of(out)["name"] == "predictions"
    assert manifest_of(out)["predictions"] == {"file": "predictions.jsonl", "sha256": read_predictions(out).sha256}


def test_the_manifest_of_other_predictions_in_the_folder_is_never_replaced(
    write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    row = {"article_id": "elife:1", "concerns": ["A concern.", "Another."]}
    source = write_jsonl([row], "in/predictions.jsonl")
    out = tmp_path / "out" / "predictions.jsonl"
    bench(source, "-o", out, "--cap", 1)
    before = (out.parent / "run.json").read_bytes()
    for rival in (out.with_name("second.jsonl"), out.with_name("run.json")):
        with pytest.raises(InputError, match=r"Next: -o "):
            bench(source, "-o", rival, "--cap", 1)
        assert (out.parent / "run.json").read_bytes() == before
    bench(source, "-o", out, "--cap", 2)  # the same system, made anew
    assert manifest_of(out)["postprocessing"] == "cap2"


def test_a_number_that_json_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="elife:1"):
        derived.write_derived(tmp_path / "p.jsonl", [{"article_id": "elife:1", "x": float("inf")}], {})
    assert not list(tmp_path.glob("p*"))
