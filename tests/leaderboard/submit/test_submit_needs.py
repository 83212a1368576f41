"""`bench submit FILE`, typed as it is: everything missing at once, a card begun, and a demo that goes through."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]


def test_a_card_is_begun_beside_the_predictions_and_never_written_over(
    bench: Make, demo_predictions: Make, tmp_path: Path
) -> None:
    predictions, card = tmp_path / "predictions.jsonl", tmp_path / "card.yaml"
    predictions.write_bytes(demo_predictions("careful"))
    code, _, err = bench(str(predictions), "--dry-run", "--data", "demo", "--contract", "jaccard")
    assert (code, card.exists()) == (2, False)
    assert f"bench submit init -o {shlex.quote(str(card))}" in err
    code, _, err = bench(str(predictions))
    assert code == 2
    said = [err.index(part) for part in (f"{card} was created", "The data of v3", "specter2", "To try it now: bench")]
    assert said == sorted(said)
    assert "fill in system_name, system_version, organisation, contact, base_model" in err
    begun = card.read_text()
    code, _, err = bench(str(tmp_path))
    assert (code, card.read_text()) == (2, begun)
    assert "is not complete" in err


def test_the_demo_goes_through_without_a_card(bench: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = bench("demo:careful", "--to", "demo.sqlite", "--contract", "jaccard")
    assert code == 0, err
    assert "Demo reviewer (invented)" in out
    assert not (tmp_path / "card.yaml").exists()


def test_a_card_with_a_mistyped_name_is_not_taken_for_a_new_one(bench: Make, tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    card.touch()
    code, _, err = bench("demo:careful", "--card", str(tmp_path / "card.yml"), "--to", str(tmp_path / "board.sqlite"))
    assert code == 2
    assert f"did you mean {card}?" in err
