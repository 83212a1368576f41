"""The simulation of bands makes the decisions of the whole computation, and a stopped one tells what it has."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.stats.max_t import no_systems, updated


@pytest.fixture
def bands(monkeypatch: pytest.MonkeyPatch) -> Any:
    """benchmarks/board/bands.py"""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks" / "board"))
    sys.modules.pop("bands", None)
    return import_module("bands")


def whole(tables: Any, draws: int, seed: int) -> list[bool]:
    return (updated(no_systems(draws, seed), tables).adjusted() < 0.05).tolist()


@pytest.mark.parametrize(("systems", "articles"), [(3, 5), (12, 8), (20, 40), (9, 278)])
@pytest.mark.parametrize("gap", [0.0, 0.3, 2.0])
def test_curtailed_decisions_are_those_of_all_draws(bands: Any, systems: int, articles: int, gap: float) -> None:
    for seed in range(8):
        tables = bands.simulated(seed, systems, articles, gap)
        assert bands.decisions(tables, 499, seed).tolist() == whole(tables, 499, seed), seed


def test_boards_on_either_side_of_the_level_are_among_them(bands: Any) -> None:
    """Else the comparison above could not fail: some equal boards are rejected, some pairs step by step."""
    boards = [(seed, bands.simulated(seed, 5, 30, 0.0)) for seed in range(60)]
    curtailed = [bands.decisions(tables, 199, seed).tolist() for seed, tables in boards]
    assert curtailed == [whole(tables, 199, seed) for seed, tables in boards]
    assert 0 < sum(any(found) for found in curtailed) < 20


def test_a_board_without_a_difference_ends_before_its_draws_do(bands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = bands.simulated(1, 10, 40, 0.0)
    swaps = bands._Swaps(tables, 5000, 1)
    blocks = []
    values = swaps._values
    monkeypatch.setattr(swaps, "_values", lambda pairs, columns: blocks.append(columns) or values(pairs, columns))
    assert swaps.maxima(np.ones(45, bool), allowed=249) is None
    assert len(blocks) < 5000 / bands._BLOCK


def test_what_single_precision_leaves_open_is_computed_whole(bands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = bands.updated
    monkeypatch.setattr(bands, "updated", lambda *given: asked.append(1) or real(*given))
    monkeypatch.setattr(bands, "_ROUNDING", 1.0)
    tables = bands.simulated(2, 6, 60, 1.5)
    assert bands.decisions(tables, 499, 2).tolist() == whole(tables, 499, 2)
    assert asked


def test_too_few_draws_reject_nothing(bands: Any) -> None:
    tables = bands.simulated(1, 6, 278, 3.0)
    assert bands.decisions(tables, 18, 1).tolist() == whole(tables, 18, 1) == [False] * 15
    assert any(bands.decisions(tables, 20, 1))


def test_a_stopped_simulation_goes_on_and_tells_what_it_has(
    bands: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.jsonl"
    common = ["bands.py", "--systems", "6", "--articles", "20", "--draws", "99", "--into", str(runs)]
    for given in (["--runs", "2"], ["--runs", "5"], ["--runs", "0"]):
        monkeypatch.setattr(sys, "argv", [*common, *given])
        bands.main()
    printed = capsys.readouterr().out.split("equal: ")
    assert [text.count("5 runs\n") for text in printed] == [0, 0, 2, 2]
    assert len(runs.read_text().splitlines()) == 10
    monkeypatch.setattr(sys, "argv", [*common, "--draws", "199", "--runs", "0"])
    bands.main()
    assert "0 runs\n" in capsys.readouterr().out  # of other draws
