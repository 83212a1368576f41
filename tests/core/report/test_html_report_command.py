"""`bench report`: where it writes, what it adds and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Run

from bioreview_bench import Result, load_result
from bioreview_bench.cli.results.report import default_output, report
from bioreview_bench.data.split import Split
from bioreview_bench.report.html import render


def run(*arguments: object) -> Run:
    return CliRunner().invoke(report, [str(argument) for argument in arguments], catch_exceptions=True)


def test_the_report_stands_beside_the_result(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "mine.result.json")
    done = run(path)
    assert done.exit_code == 0
    assert (tmp_path / "mine.html").read_text(encoding="utf-8") == render(load_result(path))
    assert "Left out. Texts are left out" in done.stderr
    assert f"Wrote {tmp_path / 'mine.html'}" in done.stderr
    assert done.stdout == ""
    assert "bench report mine.result.json" in run("--help").output
    assert default_output(Path("a/b.json")) == Path("a/b.html")
    assert default_output(Path("a/b")) == Path("a/b.html")


def test_the_command_adds_texts(
    result: Result, split: Split, predictions_file: Path, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    path = result.save(tmp_path / "mine.result.json")
    write_jsonl([article.model_dump(mode="json") for article in split], "data/test.jsonl")
    out = tmp_path / "texts.html"
    done = run(path, "--predictions", predictions_file, "--data", tmp_path / "data", "-o", out, "--quiet")
    assert done.exit_code == 0
    assert "first secret 0" in out.read_text(encoding="utf-8")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "demo"], "--data and --split are for showing texts"),
        (["--predictions", "p.jsonl"], "add --data FOLDER"),
        (["-o", "mine.result.json"], "does not end in .html"),
        (["-o", "nowhere/mine.html"], "there is no folder nowhere"),
        (["--predictions", "demo:careful", "--data", "demo"], "is not what this result scored"),
    ],
)
def test_refusals_leave_what_was_there(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result.save(tmp_path / "mine.result.json")
    (tmp_path / "mine.html").write_text("what was there")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = run("mine.result.json", *arguments)
    assert done.exception is not None
    assert said in str(done.exception)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_result_that_is_called_html_is_not_overwritten(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "mine.html"
    path.write_bytes(result.save(tmp_path / "mine.result.json").read_bytes())
    before = path.read_bytes()
    assert "names the result itself" in str(run(path, "-o", path).exception)
    assert path.read_bytes() == before
