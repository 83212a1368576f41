"""Importing a small data set that was made by hand, and reading what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.lint.run import lint


@dataclass(frozen=True)
class Outcome:
    """What `bench data import` printed and wrote; `articles` by id."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def articles(self) -> dict[str, dict[str, Any]]:
        lines = (self.folder / "articles.jsonl").read_text("utf-8").splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "import.json").read_text("utf-8"))
        return found

    def lint_errors(self) -> list[str]:
        report = lint(self.folder)
        return (
            [f"{one.finding.rule}: {one.finding.message}" for one in report.findings]
            if report.by_level["error"]
            else []
        )


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`imported(format, path, *options)`."""

    def call(form: str, path: Path, *more: str) -> Outcome:
        folder = tmp_path / "out"
        capsys.readouterr()
        code = run(["data", "import", form, str(path), "-o", str(folder), *more])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err, folder)

    return call


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the given files: texts as they are, everything else as JSON."""

    def make(files: dict[str, Any], name: str = "data-set") -> Path:
        root = tmp_path / name
        for where, content in files.items():
            path = root / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return root

    return make
