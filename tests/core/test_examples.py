"""The examples in the docstrings of what people call from Python run and print what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

MODULES = (
    "contracts.contract",
    "data.load",
    "data.papers.outline",
    "data.predictions",
    "data.split",
    "files.same_run",
    "results.result",
    "scoring.matching",
    "scoring.run",
    "stats.significance",
    "stats.uncertainty",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_hold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    failed, tried = doctest.testmod(import_module(f"bioreview_bench.{name}"))
    assert tried > 0
    assert failed == 0
