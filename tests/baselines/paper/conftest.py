"""`bench review` in this process, and a small paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAPER = """# Terns on a ledge

A. Author, University of Somewhere

## Abstract

We counted terns on one ledge in each of three summers and found fewer each year than before.

## Introduction

Terns of the second colony returned to the same ledge for at least three summers in a row.

## Methods

Terns were counted by one observer from a boat, once a summer, in fine weather only.

## Results

There were forty terns in the first summer, thirty in the second and twenty in the third.

## Acknowledgements

We thank the boatman.

## References

1. Tern, A. Ledges. J. Birds 1.
2. Gull, B. Boats. J. Boats 2.
"""


@pytest.fixture
def bench(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run `bench ARGUMENTS` in this process, in a folder of the test's own."""
    command("baseline", "bioreview_bench.baselines.cli.baseline:baseline")
    monkeypatch.chdir(tmp_path)
    return command("review", "bioreview_bench.baselines.paper.command:review")


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A paper of 100 words."""
    path = tmp_path / "terns.md"
    path.write_text(PAPER, encoding="utf-8")
    return path
