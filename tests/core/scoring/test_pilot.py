"""The eLife pilot under the demo contract: scores that are known, and that a careless change would move."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioreview_bench import Contract, Result, load_split, read_predictions, score
from bioreview_bench.controls.reviewers import SCORED_CONTROLS
from bioreview_bench.data.split import Split
from bioreview_bench.report.meaning import notes

# Reading the pilot, encoding included, is shared; scoring a file then takes a second.
pytestmark = pytest.mark.usefixtures("minilm", "warm", "one_thread")


@pytest.fixture(scope="module")
def pilot(shared: Path) -> Path:
    return shared / "data" / "elife_pilot"


@pytest.fixture(scope="module")
def split(pilot: Path) -> Split:
    return load_split(pilot, "all")


def scored(pilot: Path, split: Split, name: str) -> Result:
    predictions = read_predictions(pilot / "predictions" / f"{name}.jsonl", split)
    return score(split, predictions, Contract.load("demo"), draws=0)


@pytest.mark.parametrize(
    ("name", "f1", "null_f1", "skill"),
    [
        ("generic", 0.0496, 0.0496, 0.000),
        ("shuffled", 0.0354, 0.0274, 0.012),
        ("paraphrase", 0.7955, 0.0274, 0.831),
        ("close_reader", 0.4549, None, 0.600),
    ],
)
def test_prediction_files(name: str, f1: float, null_f1: float | None, skill: float, pilot: Path, split: Split) -> None:
    found = scored(pilot, split, name).record
    assert found.contract["name"] == "demo"
    assert found.encoder.verified
    assert found.overall.n_ref == 295
    assert found.overall.f1 == pytest.approx(f1, abs=5e-5)
    assert found.controls.skill == pytest.approx(skill, abs=5e-4)
    if null_f1 is not None:
        assert found.controls.null_f1 == pytest.approx(null_f1, abs=5e-5)
    assert found.controls.echo_f1 == pytest.approx(0.512, abs=5e-4)


def test_echo_as_an_entry_scores_as_it_does_as_a_control(split: Split) -> None:
    written = {article.id: list(SCORED_CONTROLS["echo"](article)) for article in split}
    found = score(split, written, Contract.load("demo"), draws=0).record
    assert found.overall.f1 == pytest.approx(0.512, abs=5e-4)
    assert found.overall.f1 == found.controls.echo_f1


def test_a_careful_reader_is_told_that_copying_sentences_comes_near(pilot: Path, split: Split) -> None:
    record = scored(pilot, split, "close_reader").record
    alarms = [note.text for note in notes(record) if note.level == "alarm"]
    # 0.614 and 0.650, of docs/what-the-number-means.md.
    assert any("scores better than this system (match rate 0.650 against 0.614)" in text for text in alarms)
    assert any("5 of 35 articles were not answered (5 missing)" in note.text for note in notes(record))
