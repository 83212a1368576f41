"""Exit codes and messages of `bench`: what, where, and the next command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run


def test_help_shows_commands_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "bench evaluate demo:careful\n" in shown
    for command in ("evaluate", "validate", "data", "encoder", "cache", "schema"):
        assert f"\n  {command}" in shown


@pytest.mark.parametrize("command", ["evaluate", "validate", "schema"])
def test_every_command_helps_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["evaluate", "absent.jsonl", "--data", "demo"], 2, "absent.jsonl"),
        (["evaluate", "demo:absent", "--data", "demo"], 2, "demo:careful"),
        (["evaluate", "demo:careful", "--data", "demo", "--split", "tests"], 2, "train, val, test, all"),
        (["evaluate", "demo:careful", "--data", "demo", "--contract", "v9"], 2, "demo-topic, reader, jaccard"),
        (["evaluate", "demo:careful", "--data", "demo", "--fail-under", "f2=1"], 2, "--fail-under"),
        (["evaluate", "demo:careful", "--data", "demo", "--encoder", "hf:a/b"], 2, "hf:REPO@REVISION"),
        (["controls"], 4, "bench data download v3 --repo"),
        (["evaluate", "demo:careful", "--data", "nowhere"], 4, "nowhere"),
        (["evaluate", "demo:careful", "--data", "demo", "-o", "no/such/R.result.json"], 6, "mkdir -p"),
        (["data", "download", "v3"], 4, "--data v3=FOLDER"),
        (["data", "verify", "--data", "demo"], 2, "v3=FOLDER"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_a_mistake_gets_its_code_and_the_next_step(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_a_missing_official_encoder_fails_hard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The Hub client reads its cache folder when it is first imported; point the lookup at an empty one.
    import huggingface_hub.file_download

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.file_download, "HF_HUB_CACHE", str(tmp_path), raising=False)
    assert run(["evaluate", "demo:careful", "--data", "demo", "--contract", "v3"]) == 3
    assert "bench encoder fetch specter2" in capsys.readouterr().err


def test_all_problems_are_listed_and_nothing_is_scored(
    write_jsonl: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl(['{"article_id": 1, "concerns": []}', "{", {"article_id": "peerj:9004033", "concerns": []}])
    assert run(["evaluate", str(path), "--data", "demo", "--contract", "demo"]) == 2
    said = capsys.readouterr().err
    assert "3 problems" in said
    assert "line 1: article_id must be a string" in said
    assert "line 2: broken JSON" in said
    assert 'line 3: unknown article id "peerj:9004033" (the nearest known one is "peerj:900403")' in said


def test_validate_prints_json_for_machines(
    write_jsonl: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", "demo:gaps", "--data", "demo", "--format", "json"]) == 0
    valid = json.loads(capsys.readouterr().out)
    expected = {"scored": 7, "empty": 1, "parse_failed": 1, "refused": 1, "error": 1, "missing": 1}
    assert valid["valid"] is True
    assert valid["coverage"] == expected
    assert run(["validate", str(write_jsonl(["[]"])), "--data", "demo", "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"] == [
        {"line": 1, "message": "a row must be a JSON object, this is an array"}
    ]


def test_validate_can_require_complete_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "demo:gaps", "--data", "demo", "--require-complete"]) == 2
    said = capsys.readouterr().err
    assert "4 articles have no answer" in said
    assert "no row for elife:900302" in said


def test_unforeseen_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bioreview_bench.data.load.load_split", break_down)
    with pytest.raises(ZeroDivisionError):
        run(["validate", "demo:careful", "--data", "demo"])
