"""What the first commands of a newcomer meet: everything missing at once, folders, pipes, and other splits."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bioreview_bench.cli.inputs import predictions_path
from bioreview_bench.cli.main import run


@pytest.fixture
def careful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's predictions as a file of the user's own, in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(predictions_path("demo:careful"), "predictions.jsonl"))


def test_all_that_is_missing_is_said_at_once_with_a_command_that_works(
    careful: Path, minilm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "nothing.jsonl", "--split", "test"]) == 2
    said = capsys.readouterr().err
    assert "3 things are needed first" in said
    places = [said.index(part) for part in ("no file nothing.jsonl", "data of v3", "specter2", "To try it now: bench")]
    assert places == sorted(places)
    assert run(["evaluate", str(careful), "--split", "test"]) == 4
    said = capsys.readouterr().err
    assert "bench evaluate predictions.jsonl --data demo (all its article ids are in the demo data)" in said


def test_demo_predictions_bring_their_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "demo:careful"]) == 0
    assert "valid for demo/test" in capsys.readouterr().out


def test_ids_of_another_split_are_named_with_the_option(careful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(careful), "--data", "demo", "--split", "val"]) == 2
    said = capsys.readouterr().err
    assert "has predictions for demo/test" in said
    assert said.endswith("Next: add --split test\n")


def test_without_data_the_form_is_checked_and_what_would_be_dropped_is_counted(
    careful: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = '{"article_id": "elife:1", "concerns": ["", {"text": "No control.", "category": "wrong"}]}\n'
    Path("mine.jsonl").write_text(row)
    assert run(["validate", "mine.jsonl"]) == 0
    said = capsys.readouterr().out
    assert "valid in form: 1 concerns" in said
    assert "1 blank concerns are dropped" in said
    assert "1 labels outside the vocabulary are ignored" in said
    assert "Article ids were not checked" in said
    assert run(["validate", "mine.jsonl", "--data", "v3"]) == 4  # asked for by name


def test_a_folder_and_standard_input_are_read(careful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", ".", "--data", "demo"]) == 0
    empty = Path("empty")
    empty.mkdir()
    assert run(["validate", str(empty), "--data", "demo"]) == 2
    assert "empty is a folder without predictions.jsonl" in capsys.readouterr().err
    command = [sys.executable, "-m", "bioreview_bench", "validate", "-", "--data", "demo"]
    done = subprocess.run(command, input=careful.read_bytes(), capture_output=True, check=False)
    assert (done.returncode, b"valid for demo/test" in done.stdout) == (0, True), done.stderr


def test_ten_problems_are_shown_and_the_rest_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(f'{{"article_id": "elife:{n}", "concerns": 1}}\n' for n in range(25)))
    assert run(["validate", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("  line ") == 10
    assert "... and 15 more (--all lists them)" in said
    assert run(["validate", str(path), "--all"]) == 2
    assert capsys.readouterr().err.count("  line ") == 25


def test_a_reader_that_has_gone_is_no_error() -> None:
    command = f"{sys.executable} -m bioreview_bench schema result | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{", b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evalute", "x"], "did you mean evaluate?"),
        (["score"], "did you mean evaluate"),
        (["encoder", "fecth"], "Did you mean 'fetch'?"),
        (["evaluate", "demo:carefull"], "did you mean demo:careful?"),
        (["evaluate", "demo:careful", "--contract", "raeder"], "did you mean reader?"),
        (["evaluate", "demo:careful", "--data", "dmo"], "did you mean demo?"),
        (["evaluate", "demo:careful", "--html", "x.pdf"], "--html x.html"),
        (["evaluate", "demo:careful", "-o", "predictions.jsonl"], "-o writes the result as JSON"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) in (2, 4)
    assert said in capsys.readouterr().err
